package mysqltest

// gate is open or shut; those who wait hold the channel that its opening closes.
type gate struct{ shut chan struct{} }

func (g *gate) set(shut bool) {
	switch {
	case shut && g.shut == nil:
		g.shut = make(chan struct{})
	case !shut && g.shut != nil:
		close(g.shut)
		g.shut = nil
	}
}

// opening is closed when the gate opens; it is nil when the gate is open now.
func (g *gate) opening() <-chan struct{} { return g.shut }
