package watch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// screen is a terminal of a few lines, which knows what live makes use of. What scrolls out at its top is kept.
type screen struct {
	lines, columns int
	rows           []string
	row, column    int
	scrolled       []string
}

var sequence = regexp.MustCompile(`^\x1b\[(\d*)([A-Za-z])`)

func (s *screen) Write(data []byte) (int, error) {
	for text := string(data); text != ""; {
		if m := sequence.FindStringSubmatch(text); m != nil {
			if err := s.command(m[1], m[2]); err != nil {
				return 0, err
			}
			text = text[len(m[0]):]
			continue
		}
		s.put(text[0])
		text = text[1:]
	}
	return len(data), nil
}

func (s *screen) put(c byte) {
	switch c {
	case '\n':
		s.down()
	case '\r':
		s.column = 0
	default:
		if s.column == s.columns {
			s.down()
		}
		s.line()
		s.rows[s.row] = pad(s.rows[s.row], s.column)
		s.rows[s.row] = s.rows[s.row][:s.column] + string(c) + s.rows[s.row][min(s.column+1, len(s.rows[s.row])):]
		s.column++
	}
}

func (s *screen) line() {
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, "")
	}
}

func (s *screen) down() {
	s.line()
	s.column = 0
	if s.row++; s.row == s.lines {
		s.scrolled = append(s.scrolled, s.rows[0])
		s.rows = s.rows[1:]
		s.row--
	}
}

func (s *screen) command(number, letter string) error {
	s.line()
	switch letter {
	case "A":
		n, err := strconv.Atoi(number)
		if err != nil || n > s.row {
			return fmt.Errorf("%d lines up from line %d", n, s.row)
		}
		s.row -= n
	case "K":
		s.rows[s.row] = s.rows[s.row][:min(s.column, len(s.rows[s.row]))]
	case "J":
		s.rows = s.rows[:s.row+1]
		s.rows[s.row] = s.rows[s.row][:min(s.column, len(s.rows[s.row]))]
	case "m":
	default:
		return fmt.Errorf("a sequence that this terminal does not know: %s%s", number, letter)
	}
	return nil
}

// String is all that can be seen, with what has scrolled away.
func (s *screen) String() string {
	return strings.TrimRight(strings.Join(append(append([]string{}, s.scrolled...), s.rows...), "\n"), "\n") + "\n"
}

func TestTerminalOfTheTestsIsOne(t *testing.T) {
	s := &screen{lines: 3, columns: 4}
	_, err := s.Write([]byte("one\ntwo\n\x1b[31mthree\r\x1b[1A\x1b[KTWO\n\x1b[J"))
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\nTWO\n", s.String())
	_, err = s.Write([]byte("\x1b[9A"))
	require.ErrorContains(t, err, "9 lines up")
}
