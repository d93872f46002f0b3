"""The labeling config of a project."""
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.label_tools.label_config import (
    Control,
    control_of,
    images_of,
    read_controls,
)


def test_controls_are_read_with_their_images_the_most_exact_first():
    controls = read_controls("""<?xml version="1.0"?>
        <!-- a comment --><View style="display: flex">
        <Style>.a {color: red}</Style>
        <Image name="photo" value="$image" zoom="true"/>
        <Image name="second" value="$other"/>
        <RectangleLabels name="box" toName="photo">
          <Label value="cat" background="red"/></RectangleLabels>
        <View><BrushLabels name="brush" toName="second">
          <View><Label value="&lt;b&gt;"/></View><Label value="cat"/>
        </BrushLabels></View>
        <PolygonLabels name="poly" toName="photo"><Label value="cat"/>
          <Label value="Hund" alias="dog"/></PolygonLabels>
        <KeyPointLabels name="points" toName="photo"><Label value="eye"/>
        </KeyPointLabels>
        <Choices name="c" toName="photo"><Choice value="no"/></Choices>
        </View>""")
    brush, polygon, box = controls
    assert brush == Control(
        'brushlabels', 'brush', 'second', 'other', ('<b>', 'cat'))
    assert polygon == Control(
        'polygonlabels', 'poly', 'photo', 'image', ('cat', 'dog'))
    assert box == Control('rectanglelabels', 'box', 'photo', 'image', ('cat',))
    assert images_of(controls) == [('second', 'other'), ('photo', 'image')]
    assert control_of(controls, 'cat', 'photo') == polygon
    assert control_of(controls, 'cat', 'second') == brush
    assert control_of(controls, '<b>', 'photo') is None


@pytest.mark.parametrize('text, message', [
    ('', 'not valid XML'), ('<View>', 'not valid XML'), (7, 'not valid XML'),
    ('<!DOCTYPE v [<!ENTITY a "aaaa">]><View>&a;</View>',
     'a document type is declared'),
    ('<View><Image name="i" value="$i"/></View>', 'got none; add one'),
    ('<View><Text name="t" value="$t"/><BrushLabels name="b" toName="t">'
     '<Label value="a"/></BrushLabels></View>', 'got none; add one'),
    ('<View><Image name="i" value="$i"/><PolygonLabels name="b"/></View>',
     'got none; add one'),
])
def test_a_config_that_cannot_be_used_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        read_controls(text)
