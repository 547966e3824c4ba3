// Package labtest is what the tests against the laboratory's servers have in common. Each function that takes a test ends it when
// what it does fails, with t.Fatal, unless it says otherwise; such a function is called from the test's own goroutine. What a
// function starts or opens is closed when the test ends.
package labtest
