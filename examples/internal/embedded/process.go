package embedded

import (
	"io"
	"sync"

	vitesslog "github.com/dolthub/vitess/go/vt/log"
	"github.com/sirupsen/logrus"
)

// prepareProcess does, once and before the first server runs, what the engine offers for the whole process only: its
// variables, and the silencing of its two loggers, which report every client that comes, goes or is killed.
var prepareProcess = sync.OnceFunc(func() {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.PanicLevel)
	vitesslog.Info, vitesslog.Infof = func(...any) {}, func(string, ...any) {}
	vitesslog.Warning, vitesslog.Warningf = vitesslog.Info, vitesslog.Infof
	vitesslog.Error, vitesslog.Errorf = vitesslog.Info, vitesslog.Infof
	defineVariables()
})
