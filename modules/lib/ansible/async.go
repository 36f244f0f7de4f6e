package ansible

import (
	"cmp"
	"fmt"
	"sync"
)

// Async runs f in a goroutine and returns a channel that receives its error. Modules start goroutines in no other way: a panic that is not
// recovered there ends the program without an answer and without rollback.
func Async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- recovered(f) }()
	return done
}

// Start calls f like Async. It returns a function that waits for the result.
func Start[T any](f func() (T, error)) func() (T, error) {
	var result T
	done := Async(func() (err error) {
		result, err = f()
		return err
	})
	return sync.OnceValues(func() (T, error) {
		err := <-done
		return result, err
	})
}

// Each calls f with each key, all at the same time, waits, and returns the results by key. The error is that of the first key with one.
func Each[K comparable, V any](keys []K, f func(K) (V, error)) (map[K]V, error) {
	calls := make([]func() (V, error), len(keys))
	for i, key := range keys {
		calls[i] = Start(func() (V, error) { return f(key) })
	}
	all := map[K]V{}
	var first error
	for i, wait := range calls {
		result, err := wait()
		first, all[keys[i]] = cmp.Or(first, err), result
	}
	return all, first
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
