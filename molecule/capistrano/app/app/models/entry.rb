# frozen_string_literal: true

# What one run of an EntryJob has left.
class Entry < ActiveRecord::Base
end
