package ansible

import "fmt"

// Async runs f in a goroutine and returns a channel that receives its error. Modules start goroutines in no other way: a panic that is not
// recovered there ends the program without an answer and without rollback.
func Async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- recovered(f) }()
	return done
}

// recovered calls f. A panic is an error of f, which may have left anything behind.
func recovered(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Partial(fmt.Errorf("bug: %v", p))
		}
	}()
	return f()
}
