package ansible

import "fmt"

// Async runs f in a goroutine and returns a channel that receives its error. Modules start goroutines in no other way: a panic that is not
// recovered there ends the program without an answer and without rollback.
func Async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- recovered(f) }()
	return done
}

// Each calls f with each key, all at the same time, waits, and returns the results by key. The error is that of the first key with one.
func Each[K comparable, V any](keys []K, f func(K) (V, error)) (map[K]V, error) {
	results, calls := make([]V, len(keys)), make([]<-chan error, len(keys))
	for i, key := range keys {
		calls[i] = Async(func() (err error) {
			results[i], err = f(key)
			return err
		})
	}
	all := map[K]V{}
	var first error
	for i, done := range calls {
		if err := <-done; first == nil {
			first = err
		}
		all[keys[i]] = results[i]
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
