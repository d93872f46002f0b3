from mmseg_panet.overrides import overridden


class Base:
    def one(self):
        return 1

    @property
    def two(self):
        return 2


class Derived(Base):
    two = 3


def test_overrides_of_a_subclass_and_an_instance_are_found():
    names = ['one', 'two', 'absent']
    assert overridden(Base(), Base, names) == []
    assert overridden(Derived(), Base, names) == ['two']
    assert overridden(Derived(), Derived, names) == []
    patched = Base()
    patched.one = lambda: 4
    patched.absent = 5
    assert overridden(patched, Base, names) == ['one', 'absent']
