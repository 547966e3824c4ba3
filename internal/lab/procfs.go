package lab

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// residentBytes reads the resident set size from the second field of statm.
func residentBytes(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, fmt.Errorf("unexpected statm %q", data)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// processState reads the state letter, which follows the parenthesised name:
// a name may itself hold spaces and parentheses.
func processState(pid int) (byte, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	end := bytes.LastIndexByte(data, ')')
	if end < 0 || end+2 >= len(data) {
		return 0, fmt.Errorf("unexpected stat %q", data)
	}
	return data[end+2], nil
}
