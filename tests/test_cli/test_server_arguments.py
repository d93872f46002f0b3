"""The address of a server."""
import socket

import pytest

from mmseg_panet.cli.server_arguments import (
    is_local,
    open_socket,
    url_of,
)
from mmseg_panet.errors import InputError


@pytest.mark.parametrize(('address', 'host', 'local'), [
    ('127.0.0.1', '127.0.0.1', True), ('localhost', 'localhost', True),
    ('0.0.0.0', '0.0.0.0', False), ('::1', '[::1]', True),
    ('::', '[::]', False)])
def test_the_url_has_the_port_that_was_free(address, host, local):
    if ':' in address:
        try:
            socket.create_server(
                ('::1', 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip('needs IPv6')
    with open_socket(address, 0) as one:
        port = one.getsockname()[1]
        assert port > 0
        assert url_of(one, address) == f'http://{host}:{port}'
        assert is_local(one) == local


def test_a_client_may_connect_before_the_server_accepts():
    with open_socket('127.0.0.1', 0) as one:
        with socket.create_connection(one.getsockname(), 5) as client:
            client.sendall(b'early')
            accepted, _ = one.accept()
            with accepted:
                assert accepted.recv(9) == b'early'
        with pytest.raises(InputError, match='is taken by another program'):
            open_socket('127.0.0.1', one.getsockname()[1])


@pytest.mark.parametrize('address', [
    '192.0.2.1', 'nowhere.invalid', 'a' * 70 + '.b'])
def test_an_address_of_another_machine_is_refused(address):
    with pytest.raises(InputError, match='expected --bind as an address'):
        open_socket(address, 0)


def test_a_port_of_the_system_needs_its_rights(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(socket, 'create_server', refuse)
    with pytest.raises(InputError, match='from 1024 with --port'):
        open_socket('127.0.0.1', 80)
