package benchmarks

import (
	"sync"
	"time"
)

// A Sample is the state of a spike at the end of a millisecond.
type Sample struct {
	MS      int // since the spike began
	Open    int // resources that were opened; some pools tell nobody when they close one
	Waiting int // callers who have asked, and whose work has not begun
	Served  int // callers whose use has ended
}

// A spikeWatch sees a spike from the outside: it counts the opens and the callers.
type spikeWatch struct {
	mu      sync.Mutex // guards the fields below
	started int        // opens, from the first on
	before  int        // those of them that the spike found
	running int        // opens that have not ended
	most    int        // the most that ran at a time since begin
	open    int
	waiting int
	served  int
	refused int
}

// begin says that the pool has its idle resources and the spike comes now.
func (w *spikeWatch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.most = w.started, w.running
}

// openBegins tells the how many-th open this is.
func (w *spikeWatch) openBegins() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started++
	w.running++
	w.most = max(w.most, w.running)
	return w.started
}

func (w *spikeWatch) openEnds(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	if err == nil {
		w.open++
	}
}

func (w *spikeWatch) called() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting++
}

func (w *spikeWatch) workBegins() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting--
}

// answered says what a caller got, and whether its work had begun.
func (w *spikeWatch) answered(began bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !began {
		w.waiting--
	}
	if err != nil {
		w.refused++
	} else {
		w.served++
	}
}

func (w *spikeWatch) result() SpikeResult {
	w.mu.Lock()
	defer w.mu.Unlock()
	return SpikeResult{Opens: w.started - w.before, OpensAtOnce: w.most, Served: w.served, Refused: w.refused}
}

func (w *spikeWatch) sample(ms int) Sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Sample{MS: ms, Open: w.open, Waiting: w.waiting, Served: w.served}
}

// record takes a sample each millisecond until stop, which returns them. It looks in the middle between two ticks of whole
// milliseconds: what happens at one of these has then happened.
func (w *spikeWatch) record() (stop func() []Sample) {
	var series []Sample
	quit := make(chan struct{})
	var recorder sync.WaitGroup
	recorder.Go(func() {
		start := time.Now()
		time.Sleep(time.Millisecond / 2)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			series = append(series, w.sample(int(time.Since(start).Milliseconds())))
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	})
	return func() []Sample {
		close(quit)
		recorder.Wait()
		last := 0
		if len(series) > 0 {
			last = series[len(series)-1].MS
		}
		return append(series, w.sample(last+1)) // the end falls between two looks
	}
}
