package proc

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The states of a socket in /proc/net/tcp (include/net/tcp_states.h).
const (
	established = "01"
	listening   = "0A"
)

// socket is a line of /proc/PID/net/tcp or tcp6.
type socket struct {
	local, remote netip.AddrPort
	state, inode  string
	uid           uint32 // of the user who made it
}

// Peers are the servers to which the process has TCP connections, most connections first.
func (p Process) Peers() ([]netip.AddrPort, error) {
	inodes, err := p.socketInodes()
	if err != nil {
		return nil, err
	}
	sockets := append(p.sockets("tcp"), p.sockets("tcp6")...)
	served := map[uint16]bool{} // listening ports: a connection on one comes from a client
	for _, s := range sockets {
		if s.state == listening {
			served[s.local.Port()] = true
		}
	}
	count := map[netip.AddrPort]int{}
	for _, s := range sockets {
		if s.state == established && inodes[s.inode] && !served[s.local.Port()] {
			count[s.remote]++
		}
	}
	var peers []netip.AddrPort
	for peer := range count {
		peers = append(peers, peer)
	}
	slices.SortFunc(peers, func(a, b netip.AddrPort) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return a.Compare(b)
	})
	return peers, nil
}

// socketInodes are the inodes of the sockets that the process has open.
func (p Process) socketInodes() (map[string]bool, error) {
	links, err := p.openFiles()
	if err != nil {
		return nil, err
	}
	inodes := map[string]bool{}
	for _, link := range links {
		if inode, isSocket := strings.CutPrefix(link, "socket:["); isSocket {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes, nil
}

// openFiles are the targets of the links in /proc/PID/fd.
func (p Process) openFiles() ([]string, error) {
	entries, err := os.ReadDir(p.path("fd"))
	var links []string
	for _, entry := range entries {
		var link string
		if link, err = os.Readlink(p.path("fd/" + entry.Name())); errors.Is(err, fs.ErrPermission) {
			break
		} else if err == nil { // else closed since
			links = append(links, link)
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		out, err := p.asOwner("find", p.path("fd"), "-lname", "socket:*", "-printf", `%l\n`)
		return strings.Split(string(out), "\n"), err
	}
	if len(links) > 0 {
		return links, nil
	}
	return nil, err
}

// sockets are those of the network namespace of the process.
func (p Process) sockets(protocol string) []socket {
	file, err := os.Open(p.path("net/" + protocol))
	if err != nil { // a kernel without IPv6 has no tcp6
		return nil
	}
	defer file.Close()
	var all []socket
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 {
			continue
		}
		local, err := parseAddress(fields[1])
		remote, remoteErr := parseAddress(fields[2])
		uid, uidErr := strconv.ParseUint(fields[7], 10, 32)
		if err == nil && remoteErr == nil && uidErr == nil { // else the heading
			all = append(all, socket{local, remote, fields[3], fields[9], uint32(uid)})
		}
	}
	return all
}

// parseAddress parses an address such as 0100007F:18EB: words of 32 bits, each in the byte order of the host, and the port.
func parseAddress(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	data, err := hex.DecodeString(address)
	if err != nil || len(data)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	for word := range slices.Chunk(data, 4) {
		slices.Reverse(word) // amd64 and arm64 are little-endian
	}
	ip, isValid := netip.AddrFromSlice(data)
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil || !isValid {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), nil
}
