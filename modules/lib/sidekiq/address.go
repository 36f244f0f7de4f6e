package sidekiq

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// Address is the path of the socket, or HOST:PORT; "" if the URL cannot be parsed.
func (f Found) Address() string {
	u, err := parseRedisURL(f.URL)
	if err != nil {
		return ""
	}
	return placeOf(u)
}

// Answers reports whether anything accepts connections at the address, Redis or not.
func (f Found) Answers() bool {
	u, err := parseRedisURL(f.URL)
	if err != nil {
		return false
	}
	if u.Scheme == "rediss" {
		u.Scheme = "redis"
	}
	conn, err := dial(u)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// IsLocal reports whether the address is one of this host.
func (f Found) IsLocal() bool {
	u, err := parseRedisURL(f.URL)
	if err != nil || u.Scheme == "unix" {
		return err == nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
	defer cancel()
	host, _, _ := net.SplitHostPort(placeOf(u))
	ips, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host) // a name that does not resolve is not this host's
	own, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(ips, func(ip netip.Addr) bool {
		return ip.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && prefix.Addr() == ip.Unmap()
		})
	})
}
