from mmseg_panet import notices


def test_a_warning_is_printed_without_control_characters(monkeypatch):
    said = []
    monkeypatch.setattr(
        notices, 'print_log', lambda text, *_: said.append(text))
    notices.warn('the file a\x1b[31m.json was left out')
    assert said == [r'the file a\x1b[31m.json was left out']
