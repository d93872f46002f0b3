# PASCAL-5i: VOC 2012 with the masks of SBD, which `mmseg-panet prepare-data
# pascal-5i data` prepares. Pool 'train' is VOC train and SBD train_noval
# (5,953 images), pool 'val' is VOC val (1,449 images).
_base_ = './episodes.py'
data_root = 'data/VOCdevkit/VOC2012'
fold = 0

train_set = dict(
    type='PascalVOCDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/pascal5i_train.txt',
    data_prefix=dict(
        img_path='JPEGImages', seg_map_path='SegmentationClassAug'))
val_set = dict(
    type='PascalVOCDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/val.txt',
    data_prefix=dict(
        img_path='JPEGImages', seg_map_path='SegmentationClass'))
source = dict(
    folds='pascal-5i', fold=fold, pools=dict(train=train_set, val=val_set))
train_dataloader = dict(dataset=dict(**source, pool='train', split='base'))
# Base classes: the novel classes stay unseen until the test.
val_dataloader = dict(dataset=dict(**source, pool='val', split='base'))
test_dataloader = dict(dataset=dict(**source, pool='val', split='novel'))
