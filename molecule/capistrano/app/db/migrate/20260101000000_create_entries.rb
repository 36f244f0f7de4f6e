# frozen_string_literal: true

class CreateEntries < ActiveRecord::Migration[6.0]
  def change
    create_table :entries do |t|
      t.string :phase, null: false
      t.integer :number, null: false
      t.string :release, null: false
      t.integer :pid, null: false
    end
  end
end
