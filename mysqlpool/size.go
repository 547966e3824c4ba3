package mysqlpool

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Plan is what [PlanSize] reckons from. Exactly one of MaxConnections and Memory must be set.
type Plan struct {
	// MaxConnections is the server's max_connections.
	MaxConnections int
	// Memory is the memory of an RDS instance's class in bytes, from which RDS sets max_connections by default. What RDS calls
	// DBInstanceClassMemory is somewhat less than the class's nominal memory: the result is an upper bound.
	Memory int64
	// Aurora takes Aurora MySQL's formula for Memory, MariaDB that of RDS for MariaDB from 10.5; without either it is that of RDS
	// for MySQL.
	Aurora, MariaDB bool

	Instances      int // of the service, each with one pool; at least 1
	Rollout        int // instances that run beside them during a deployment
	BackgroundJobs int // connections of jobs, consumers and the like that do not use these pools
	Reserve        int // connections left for people, monitoring and replication
}

// A Sizing is the answer of [PlanSize].
type Sizing struct {
	MaxOpen        int    // for each instance's pool
	MaxConnections int    // what was reckoned with
	Reasoning      string // the reckoning, one step a line
}

// The formulas are those of the parameter groups in the RDS and Aurora user guides.
const (
	rdsBytesPerConnection = 12582880
	rdsMostConnections    = 16000

	mariaDBBytesPerConnection = 25165760
	mariaDBMostConnections    = 12000

	auroraMostConnections = 16000
	mostOfAnything        = 1000000
)

// PlanSize reckons how large each instance's pool may be so that all of them together fit on the server with room to spare.
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
	if each < 1 {
		return Sizing{}, fmt.Errorf("mysqlpool: plan size: no connection is left for each of %d pools:\n%s", pools, why.String())
	}
	return Sizing{MaxOpen: each, MaxConnections: n, Reasoning: why.String()}, nil
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
	switch {
	case p.Memory == 0:
		fmt.Fprintf(why, "max_connections of the server: %d\n", p.MaxConnections)
		return p.MaxConnections
	case p.Aurora:
		m := float64(p.Memory)
		n := int(max(math.Log2(m/805306368)*45, math.Log2(m/8187281408)*1000))
		n = max(min(n, auroraMostConnections), 1)
		fmt.Fprintf(why, "Aurora: GREATEST(log(%d/805306368)*45, log(%d/8187281408)*1000), at most %d: %d\n", p.Memory, p.Memory, auroraMostConnections, n)
		return n
	}
	bytes, most := int64(rdsBytesPerConnection), int64(rdsMostConnections)
	if p.MariaDB {
		bytes, most = mariaDBBytesPerConnection, mariaDBMostConnections
	}
	n := max(int(min(p.Memory/bytes, most)), 1)
	fmt.Fprintf(why, "RDS: %d bytes / %d, at most %d: %d\n", p.Memory, bytes, most, n)
	return n
}
