# The other convention of COCO-20i: a fold has 20 consecutive classes. The
# scores of the two conventions must not be compared.
_base_ = './panet_r50-d8-no-align_1xb4-6k_coco20i-473x473.py'
train_dataloader = dict(dataset=dict(folds='coco-20i-contiguous'))
val_dataloader = train_dataloader
test_dataloader = train_dataloader
