"""An inferencer that several threads share, each with its own classes."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from inference_parts import RESIZE, red_and_blue, small_inferencer

from mmseg_panet.errors import InputError
from mmseg_panet.inference.shared_inferencer import SharedInferencer


def test_threads_see_the_classes_of_their_own_bank():
    inferencer = small_inferencer(RESIZE, feature_cache=10)
    examples = red_and_blue()
    image = examples['red'][0][0]
    banks, expected = [], []
    for name, pairs in examples.items():
        inferencer.fit({name: pairs})
        banks.append(inferencer.bank)
        expected.append(inferencer.predict([image])[0])
    shared = SharedInferencer(inferencer)

    def segment(user):
        with shared.use(banks[user]) as one:
            return one.predict([image])[0]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(segment, [0, 1] * 10))
    for one, other in zip(found, expected * 10, strict=True):
        assert one.classes == other.classes
        np.testing.assert_array_equal(one.class_map, other.class_map)


def test_without_a_bank_the_classes_stay():
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    with SharedInferencer(inferencer).use() as one:
        assert one.classes == ('red', 'blue')


def test_a_bank_of_other_weights_is_refused():
    bank = small_inferencer(RESIZE, seed=1).fit(red_and_blue()).bank
    inferencer = small_inferencer(RESIZE).fit({'red': red_and_blue()['red']})
    with pytest.raises(InputError, match='fit the examples again'):
        inferencer.bank = bank
    assert inferencer.classes == ('red',)


def test_an_assigned_bank_is_not_changed_by_the_inferencer():
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    bank = inferencer.bank
    inferencer.remove_class('red')
    inferencer.bank = bank
    inferencer.remove_class('blue')
    assert bank.classes == ('red', 'blue')
    assert inferencer.classes == ('red',)
