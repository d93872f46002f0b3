# As panet_r50-d8_pascal5i.py, trained through the discriminant, see
# panet_r18-d8-discriminant_msrc7i.py.
_base_ = './panet_r50-d8_pascal5i.py'
model = dict(
    decode_head=dict(
        classifier=dict(type='DiscriminantClassifier', scale=0.3)))
# 24 images a step, the base has 8: lower batch_size where memory is short.
train_dataloader = dict(dataset=dict(num_shots=5))
