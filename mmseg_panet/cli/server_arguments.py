"""The command-line arguments of a server, and the socket that it opens."""
import argparse
import errno
import os
import socket
from ipaddress import ip_address

from ..errors import InputError, check_number

LOCAL = '127.0.0.1'
"""The address that only programs of the same machine reach."""


def add_server_arguments(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the arguments for the address of a server, and for its limit.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
        port (int): Default of ``--port``.
    """
    parser.add_argument(
        '--bind', default=LOCAL, metavar='ADDRESS',
        help='address to listen on: 0.0.0.0 for all networks of the machine; '
        f'default: {LOCAL}, which only this machine reaches')
    parser.add_argument(
        '--port', type=int, default=port, metavar='N',
        help=f'port to listen on, 0 for any that is free; default: {port}')
    parser.add_argument(
        '--max-upload', type=float, default=50, metavar='MEGABYTES',
        help='largest file that is taken; default: 50')


def check_server_arguments(args: argparse.Namespace) -> None:
    """Check the arguments before the model is loaded.

    Args:
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_server_arguments`.

    Raises:
        InputError: If the port or the limit is out of range.
    """
    if not 0 <= args.port < 65536:
        raise InputError(
            f'expected --port from 0 to 65535, got {args.port}; give another '
            'number, or 0 for any port that is free')
    check_number('--max-upload', args.max_upload, above=0)


def open_socket(address: str, port: int) -> socket.socket:
    """Listen on an address, so that no other program takes the port.

    Clients that connect before the server accepts them wait.

    Args:
        address (str): Value of ``--bind``: an IPv4 or IPv6 address, or the
            name of a machine.
        port (int): Value of ``--port``.

    Returns:
        socket.socket: The socket, for ``uvicorn.Server.run(sockets=[...])``.

    Raises:
        InputError: If the port is taken or not allowed, or the address is
            not one of this machine.
    """
    try:
        family, *_, where = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE)[0]
        return socket.create_server(where[:2], family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, 'errno', None) or 0
        if reason == errno.EADDRINUSE:
            raise InputError(
                f'port {port} of {address} is taken by another program; give '
                'another one with --port, or 0 for any that is free'
            ) from error
        if reason in (errno.EACCES, errno.EPERM):
            raise InputError(
                f'port {port} needs the rights of an administrator; give one '
                'from 1024 with --port') from error
        raise InputError(
            f'expected --bind as an address of this machine, got {address!r} '
            f'({os.strerror(reason) if reason > 0 else error}'
            f'); give {LOCAL}, or 0.0.0.0 for all networks') from error


def url_of(server: socket.socket, address: str) -> str:
    """Return the URL of a socket that listens, with its port.

    Args:
        server (socket.socket): A socket of :func:`open_socket`.
        address (str): Value of ``--bind``.
    """
    host = f'[{address}]' if ':' in address else address
    return f'http://{host}:{server.getsockname()[1]}'


def is_local(server: socket.socket) -> bool:
    """Tell whether only programs of the same machine reach a socket."""
    return ip_address(server.getsockname()[0].split('%')[0]).is_loopback
