//! The sandbox's end of its network: a TUN device, an address, and a way to everywhere.
#![allow(unsafe_code, reason = "network interfaces are set up by ioctl")]

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::{At, Step, syscalls};
use crate::egress::{OWN, PACKET_MAX};

const TUNSETIFF: u64 = 0x4004_54ca;
const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 252);
const NAME: &[u8] = b"tun0";

/// Makes the device in this network namespace; the descriptor is the other end.
pub(super) fn open() -> Step<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: a constant path; the descriptor is new.
    let raw = unsafe { libc::open(c"/dev/net/tun".as_ptr(), flags) };
    let raw = Errno::result(raw).about("tun", "/dev/net/tun")?;
    let device = syscalls::own_high(raw).at("tun")?;
    let mut request = named();
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    control(&device, TUNSETIFF, &request).at("tun")?;

    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).at("tun")?;
    let mut request = named();
    request.ifr_ifru.ifru_addr = address(OWN);
    control(&socket, libc::SIOCSIFADDR, &request).at("tun address")?;
    request.ifr_ifru.ifru_addr = address(NETMASK);
    control(&socket, libc::SIOCSIFNETMASK, &request).at("tun address")?;
    request.ifr_ifru.ifru_mtu = PACKET_MAX as libc::c_int;
    control(&socket, libc::SIOCSIFMTU, &request).at("tun address")?;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    control(&socket, libc::SIOCSIFFLAGS, &request).at("tun address")?;
    default_route(&socket).at("tun route")?;
    Ok(device)
}

fn named() -> libc::ifreq {
    // SAFETY: all zeroes is a valid value of this plain struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(NAME) {
        *place = *byte as libc::c_char;
    }
    request
}

fn control(on: &OwnedFd, request: u64, with: &libc::ifreq) -> nix::Result<()> {
    // SAFETY: each of these requests takes a complete `ifreq`, which outlives the call.
    Errno::result(unsafe { libc::ioctl(on.as_raw_fd(), request as _, std::ptr::from_ref(with)) })?;
    Ok(())
}

fn address(of: Ipv4Addr) -> libc::sockaddr {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(of.octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: a socket address of IPv4 is one of the forms of the generic one, and as large.
    unsafe { std::mem::transmute(address) }
}

fn default_route(socket: &OwnedFd) -> nix::Result<()> {
    let everywhere = address(Ipv4Addr::UNSPECIFIED);
    let mut device = *b"tun0\0";
    // SAFETY: all zeroes is a valid value of this plain struct.
    let mut route: libc::rtentry = unsafe { std::mem::zeroed() };
    (route.rt_dst, route.rt_genmask, route.rt_gateway) = (everywhere, everywhere, everywhere);
    route.rt_flags = libc::RTF_UP;
    route.rt_dev = device.as_mut_ptr().cast();
    // SAFETY: a complete `rtentry` and the name that it points to outlive the call.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCADDRT as _, &raw const route) })?;
    Ok(())
}
