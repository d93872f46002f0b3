# COCO-20i: the 80 objects of COCO 2014 as label maps, as
# `tools/prepare_data.py coco-20i data/coco` writes them. Pool 'train' is
# train2014, pool 'val' val2014.
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
    # Every fourth class; 'coco-20i-contiguous' takes 20 in a row. Results of
    # the two differ by points and must not be compared.
    folds='coco-20i',
    fold=fold,
    pools=dict(train=train_set, val=val_set))
train_dataloader = dict(dataset=dict(**source, pool='train', split='base'))
# Of the base classes: the novel ones stay unseen until the test.
val_dataloader = dict(dataset=dict(**source, pool='val', split='base'))
test_dataloader = dict(dataset=dict(**source, pool='val', split='novel'))
