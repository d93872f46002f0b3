# The method of nearest_cell.py on the toy data; run with PYTHONPATH=examples.
_base_ = '../configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'
custom_imports = dict(
    imports=['mmseg_panet', 'nearest_cell'], allow_failed_imports=False)
model = dict(decode_head=dict(classifier=dict(type='NearestCells')))
