# As panet_r50-d8_coco20i.py, by the other convention: folds of 20 classes in a
# row. Never compare results of the two.
_base_ = './panet_r50-d8_coco20i.py'
train_dataloader = dict(dataset=dict(folds='coco-20i-contiguous'))
val_dataloader = train_dataloader
test_dataloader = train_dataloader
