# The recipe of PANet without the alignment loss, trained through the
# discriminant. See discriminant_r18-d8_1xb4-400iters_msrc7i-225x225.py.
_base_ = '../panet/panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473.py'
model = dict(
    decode_head=dict(
        classifier=dict(type='DiscriminantClassifier', scale=0.3)))
# A step has 24 images instead of the 8 of the base config. Reduce batch_size
# if the memory is too small.
train_dataloader = dict(dataset=dict(num_shots=5))
