package sidekiq

// ProcessOptions are one element of option processes of the modules: one of several processes of a service.
type ProcessOptions struct {
	Name        string   `option:"name"` // "" where the service is one process
	Queues      []string `option:"queues"`
	Concurrency *int     `option:"concurrency"` // the flag -c, which wins over Config; nil: none
	Config      string   `option:"config"`      // path of its configuration file
}

// Inherit is the processes that are listed, each with what it leaves out as the service has it; the service alone where none is listed.
func Inherit(service ProcessOptions, listed []ProcessOptions) []ProcessOptions {
	if len(listed) == 0 {
		return []ProcessOptions{service}
	}
	var all []ProcessOptions
	for _, process := range listed {
		if len(process.Queues) == 0 {
			process.Queues = service.Queues
		}
		if process.Concurrency == nil {
			process.Concurrency = service.Concurrency
		}
		if process.Config == "" {
			process.Config = service.Config
		}
		all = append(all, process)
	}
	return all
}
