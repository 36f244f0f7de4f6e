# frozen_string_literal: true

# One run of an EntryJob.
class Entry < ActiveRecord::Base
end
