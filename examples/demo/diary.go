package main

import (
	"sync"
	"time"

	"github.com/weirpool/weir/mysqlpool"
)

// A diary is what the writers were told about each of their writes, by its mark.
type diary struct {
	mu       sync.Mutex // guards the fields below
	accepted map[string]time.Time
	refused  map[string]bool
	others   []error
}

func newDiary() *diary {
	return &diary{accepted: map[string]time.Time{}, refused: map[string]bool{}}
}

func (d *diary) write(mark string, at time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.accepted[mark] = at
	case mysqlpool.Classify(err) == mysqlpool.ServerDemoted:
		d.refused[mark] = true
	default:
		d.others = append(d.others, err)
	}
}

func (d *diary) counts() (accepted, refused int, others []error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.accepted), len(d.refused), d.others
}

// findings are what the data say about the writes.
type findings struct {
	onOld, onNew int       // rows by the server that accepted them
	late         int       // rows that the old primary accepted after the new one had accepted some
	lost         int       // writes that were accepted and are not there
	twice        int       // writes that are there more than once
	ghosts       int       // writes that were refused and are there
	firstOnNew   time.Time // when a writer first heard that the new primary had accepted its write
}

// compare holds the diary against the rows, which are in the order in which they were written.
func (d *diary) compare(rows []row, change promotion) findings {
	d.mu.Lock()
	defer d.mu.Unlock()
	var f findings
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.mark] {
			f.twice++
		}
		seen[r.mark] = true
		if d.refused[r.mark] {
			f.ghosts++
		}
		if r.server != change.to {
			f.onOld++
			if f.onNew > 0 {
				f.late++
			}
			continue
		}
		f.onNew++
		if at, ok := d.accepted[r.mark]; ok && (f.firstOnNew.IsZero() || at.Before(f.firstOnNew)) {
			f.firstOnNew = at
		}
	}
	for mark := range d.accepted {
		if !seen[mark] {
			f.lost++
		}
	}
	return f
}
