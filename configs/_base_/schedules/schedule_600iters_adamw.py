# The same for transformers and ConvNeXt, which are trained by AdamW. The
# learning rate has not been tuned.
_base_ = './schedule_600iters.py'
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='AdamW', lr=1e-5, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0))
