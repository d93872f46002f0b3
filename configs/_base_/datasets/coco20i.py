# COCO-20i: label maps of the 80 object classes of COCO 2014, which
# `mmseg-panet prepare-data coco-20i data/coco` writes. Pool 'train' is
# train2014, pool 'val' is val2014.
_base_ = './episodes.py'
data_root = 'data/coco'
fold = 0

train_set = dict(
    type='COCO20iDataset',
    data_root=data_root,
    ann_file='coco-20i/train2014/images.txt',
    data_prefix=dict(
        img_path='train2014', seg_map_path='coco-20i/train2014/masks'))
val_set = dict(
    type='COCO20iDataset',
    data_root=data_root,
    ann_file='coco-20i/val2014/images.txt',
    data_prefix=dict(
        img_path='val2014', seg_map_path='coco-20i/val2014/masks'))
source = dict(
    # A fold has every fourth class. In 'coco-20i-contiguous' it has 20
    # consecutive classes. The scores of the two differ by points of mIoU and
    # must not be compared.
    folds='coco-20i',
    fold=fold,
    pools=dict(train=train_set, val=val_set))
train_dataloader = dict(dataset=dict(**source, pool='train', split='base'))
# Base classes: the novel classes stay unseen until the test.
val_dataloader = dict(dataset=dict(**source, pool='val', split='base'))
test_dataloader = dict(dataset=dict(**source, pool='val', split='novel'))
