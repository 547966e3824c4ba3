package mysqlpool

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Plan is what [PlanSize] computes from. Exactly one of MaxConnections and Memory must be set.
type Plan struct {
	// MaxConnections is the server's max_connections.
	MaxConnections int
	// Memory is the nominal memory of an RDS instance's class in bytes, from which RDS sets max_connections by default. What RDS
	// calls DBInstanceClassMemory is less, by how much it does not publish: PlanSize takes a part of Memory that gives no more
	// connections than RDS has been seen to allow, and less than RDS allows by up to 15 %, for classes between the usual sizes by
	// more. MaxConnections, where it is known, is exact.
	Memory int64
	// Aurora takes Aurora MySQL's formula for Memory, MariaDB that of RDS for MariaDB from 10.5; without either it is that of RDS
	// for MySQL.
	Aurora, MariaDB bool

	Instances      int // of the service, each with one pool; at least 1
	Rollout        int // instances that run beside them during a deployment
	BackgroundJobs int // connections of jobs, consumers and the like that do not use these pools
	Reserve        int // connections left for people, monitoring and replication

	// NoKills says that the pools make no connections for KILL QUERY beside MaxOpen: those of [New] and [Wrap], and those of [Open] with
	// [WithoutKill] or [weir.WithStrictMaxOpen]. Otherwise each may make up to four more than MaxOpen.
	NoKills bool
}

// A Sizing is the answer of [PlanSize].
type Sizing struct {
	MaxOpen        int    // for each instance's pool
	MaxConnections int    // the max_connections of the computation
	Reasoning      string // the computation, one step a line
}

// The formulas are those of the parameter groups in the RDS and Aurora user guides. They were not tried there.
const (
	rdsBytesPerConnection = 12582880
	rdsMostConnections    = 16000

	mariaDBBytesPerConnection = 25165760
	mariaDBMostConnections    = 12000

	auroraMostConnections = 16000
	auroraSmallStep       = 805306368
	auroraLargeStep       = 8187281408
	auroraLargeClass      = 15 << 30 // bytes of memory
	mostOfAnything        = 1000000
)

// PlanSize computes how large each instance's pool may be, so that the server has enough connections for all of them.
func PlanSize(p Plan) (Sizing, error) {
	if err := p.check(); err != nil {
		return Sizing{}, fmt.Errorf("mysqlpool: plan size: %w", err)
	}
	var why strings.Builder
	n := p.maxConnections(&why)
	left := n - p.Reserve - p.BackgroundJobs
	fmt.Fprintf(&why, "%d - %d reserved - %d for background jobs = %d connections for the service\n", n, p.Reserve, p.BackgroundJobs, left)
	pools := p.Instances + p.Rollout
	each := max(left, 0) / pools
	fmt.Fprintf(&why, "%d / (%d instances + %d during a deployment) = %d for each pool, %d left over\n", left, p.Instances, p.Rollout, each, max(left, 0)-each*pools)
	maxOpen := each
	if !p.NoKills {
		maxOpen = max(each-mostKillers, each/2) // a small pool has at most as many for KILL QUERY as others
		fmt.Fprintf(&why, "%d - %d for KILL QUERY = MaxOpen %d\n", each, each-maxOpen, maxOpen)
	}
	if maxOpen < 1 {
		return Sizing{}, fmt.Errorf("mysqlpool: plan size: no connection is left for each of %d pools:\n%s", pools, why.String())
	}
	return Sizing{MaxOpen: maxOpen, MaxConnections: n, Reasoning: why.String()}, nil
}

func (p Plan) check() error {
	var errs []error
	if (p.MaxConnections == 0) == (p.Memory == 0) {
		errs = append(errs, fmt.Errorf("MaxConnections %d, Memory %d: limit is exactly one of them set", p.MaxConnections, p.Memory))
	}
	for _, f := range []struct {
		name  string
		value int
		least int
	}{
		{"MaxConnections", p.MaxConnections, 0}, {"Instances", p.Instances, 1}, {"Rollout", p.Rollout, 0},
		{"BackgroundJobs", p.BackgroundJobs, 0}, {"Reserve", p.Reserve, 0},
	} {
		if f.value < f.least || f.value > mostOfAnything {
			errs = append(errs, fmt.Errorf("%s %d: limit is %d to %d", f.name, f.value, f.least, mostOfAnything))
		}
	}
	if p.Aurora && p.MariaDB {
		errs = append(errs, errors.New("Aurora true, MariaDB true: limit is one of them"))
	}
	if p.Memory < 0 {
		errs = append(errs, fmt.Errorf("Memory %d: limit is at least 0", p.Memory))
	}
	return errors.Join(errs...)
}

func (p Plan) maxConnections(why *strings.Builder) int {
	if p.Memory == 0 {
		fmt.Fprintf(why, "max_connections of the server: %d\n", p.MaxConnections)
		return p.MaxConnections
	}
	m := p.usable(why)
	if p.Aurora {
		n := int(max(math.Log2(m/auroraSmallStep)*45, math.Log2(m/auroraLargeStep)*1000))
		n = max(min(n, auroraMostConnections), 1)
		fmt.Fprintf(why, "Aurora: GREATEST(log(%.0f/%d)*45, log(%.0f/%d)*1000), at most %d: %d\n", m, auroraSmallStep, m, auroraLargeStep, auroraMostConnections, n)
		return n
	}
	bytes, most := rdsBytesPerConnection, rdsMostConnections
	if p.MariaDB {
		bytes, most = mariaDBBytesPerConnection, mariaDBMostConnections
	}
	n := max(int(min(m/float64(bytes), float64(most))), 1)
	fmt.Fprintf(why, "RDS: %.0f bytes / %d, at most %d: %d\n", m, bytes, most, n)
	return n
}

// usable is the part of Memory that DBInstanceClassMemory is taken for. Aurora's published max_connections are those of 3/4 of the
// nominal memory for small classes (45 for 2 GiB, 135 for 8) and of 61/64 for large ones (1000 for 16 GiB, 7000 for 1024). The
// figures seen on RDS lie a few per cent over those of 15/16 less 256 MiB (66 for 1 GiB, 648 for 8, 2540 for 30.5).
func (p Plan) usable(why *strings.Builder) float64 {
	nominal := float64(p.Memory)
	part, usable := "15/16 of it less 256 MiB", nominal*15/16-256<<20
	switch {
	case p.Aurora && p.Memory < auroraLargeClass:
		part, usable = "3/4 of it", nominal*3/4
	case p.Aurora:
		part, usable = "61/64 of it", nominal*61/64
	}
	usable = math.Floor(max(usable, 1))
	fmt.Fprintf(why, "usable of %d bytes of memory: about %s: %.0f\n", p.Memory, part, usable)
	return usable
}
