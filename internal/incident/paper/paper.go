// Package paper sets a postmortem's draft on A4 pages, as PDF. It adds nothing
// to the draft and looks nothing up; the fonts are its own, so that the file
// reads the same everywhere. Characters the fonts lack are shown as a box.
package paper

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-pdf/fpdf"

	"muster/internal/incident"
)

var (
	//go:embed fonts/NotoSans-Regular.ttf
	regular []byte
	//go:embed fonts/NotoSans-Bold.ttf
	bold []byte
	//go:embed fonts/NotoSansMono-Regular.ttf
	mono []byte
)

const (
	margin = 18.0 // mm
	width  = 210 - 2*margin
	row    = 5.2
)

type color [3]int

var (
	ink    = color{24, 28, 36}
	faint  = color{104, 112, 126}
	rule   = color{216, 220, 228}
	wash   = color{244, 246, 249}
	accent = color{47, 84, 196}
	bySev  = map[int]color{1: {190, 30, 45}, 2: {196, 92, 16}, 3: {150, 112, 0}, 4: {60, 104, 168}}
)

// page is the document being set.
type page struct{ *fpdf.Fpdf }

// PDF renders the draft. The same draft gives the same bytes.
func PDF(p incident.Postmortem) ([]byte, error) {
	d := page{fpdf.New("P", "mm", "A4", "")}
	d.AddUTF8FontFromBytes("sans", "", regular)
	d.AddUTF8FontFromBytes("sans", "B", bold)
	d.AddUTF8FontFromBytes("mono", "", mono)
	d.SetMargins(margin, 20, margin)
	d.SetAutoPageBreak(true, 20)
	d.SetCatalogSort(true)
	d.SetCreationDate(p.DrawnAt)
	d.SetModificationDate(p.DrawnAt)
	d.SetTitle("Postmortem of "+p.Incident.Ticket, true)
	d.SetAuthor(clean(p.Office), true)
	d.SetCreator("Muster", true)
	d.SetLang("en")
	head := clean(p.Office + " · Postmortem of " + p.Incident.Ticket + " · draft")
	d.SetHeaderFunc(func() {
		if d.PageNo() > 1 {
			d.at("sans", "", 8, faint)
			d.SetXY(margin, 10)
			d.CellFormat(width, 5, head, "", 0, "L", false, 0, "")
			d.SetY(20)
		}
	})
	d.SetFooterFunc(func() {
		d.SetY(-14)
		d.at("sans", "", 8, faint)
		d.CellFormat(width/2, 5, "Made "+moment(p.DrawnAt)+" UTC from the sealed record", "", 0, "L", false, 0, "")
		d.CellFormat(width/2, 5, fmt.Sprintf("%d of {nb}", d.PageNo()), "", 0, "R", false, 0, "")
	})
	d.AliasNbPages("{nb}")
	d.AddPage()

	d.title(p)
	d.facts(p)
	d.section("Summary")
	if p.Incident.Summary != "" {
		d.text(p.Incident.Summary)
	} else {
		d.hint("Not written yet: what happened, for whom, for how long, and why it is over.")
	}
	d.section("Measured")
	rows := [][]string{}
	for _, m := range p.Metrics {
		rows = append(rows, []string{m.Title, m.Text(), m.Formula})
	}
	d.table([]float64{42, 52, width - 94}, []string{"", "Time", "How it is counted"}, rows)
	if len(p.Phases) > 0 {
		rows = rows[:0]
		for _, ph := range p.Phases {
			rows = append(rows, []string{string(ph.Stage), moment(ph.From), incident.Spoken(time.Duration(ph.Seconds * float64(time.Second)))})
		}
		d.Ln(3)
		d.table([]float64{42, 52, width - 94}, []string{"Stage", "From", "Lasted"}, rows)
	}
	d.section("People")
	for _, r := range p.Roles {
		d.bullet(strings.ToUpper(r.What[:1]) + r.What[1:] + ": " + r.Name)
	}
	for _, r := range p.Responders {
		d.bullet(r.Name + ": " + r.What)
	}
	if len(p.Roles)+len(p.Responders) == 0 {
		d.hint("Nobody held a role and nobody was paged.")
	}
	if len(p.Incident.Alerts) > 0 {
		d.section("Alerts")
		for _, a := range p.Incident.Alerts {
			d.bullet(a.Title + " (" + a.State + ")")
		}
	}
	if len(p.Runs) > 0 {
		d.section("What was run")
		rows = rows[:0]
		for _, r := range p.Runs {
			rows = append(rows, []string{"#" + r.Number, r.Title, r.Environment, r.AskedBy + ", " + r.AskedAt.UTC().Format("15:04"), strings.Join(r.Approvers, ", "), r.State})
		}
		d.table([]float64{11, 53, 16, 38, 30, width - 148}, []string{"Run", "What", "Where", "Asked by", "Approved by", "Result"}, rows)
	}
	d.section("Timeline")
	rows = rows[:0]
	last := ""
	for _, e := range p.Timeline {
		at := e.At.UTC().Format("15:04:05")
		if today := e.At.UTC().Format("2 Jan 2006"); today != last {
			at, last = today+"  "+at, today
		}
		rows = append(rows, []string{at, e.Said()})
	}
	d.table([]float64{38, width - 38}, []string{"UTC", "What happened"}, rows)
	d.section("Why it happened")
	d.hint("To be written together: the conditions that made it possible, not who.")
	d.section("What went well, what was hard")
	d.hint("To be written together.")
	d.section("Actions")
	if !d.followups(p, "action") {
		d.hint("No action is on the list yet. Add them on the incident's page, or with /action in its room.")
	}
	d.section("Open questions")
	d.followups(p, "question")
	for _, q := range p.Questions {
		d.check(false, q)
	}
	d.section("Proof")
	d.text("This draft was made from the sealed ledger at the checkpoint below. “muster ledger verify --checkpoint FILE” shows whether the record still holds what it held then.")
	d.Ln(1)
	d.at("mono", "", 7, ink)
	d.fill(wash)
	d.MultiCell(width, 4, clean(strings.TrimSpace(p.Checkpoint)), "", "L", true)

	var out bytes.Buffer
	if err := d.Output(&out); err != nil {
		return nil, fmt.Errorf("set the PDF: %w", err)
	}
	return out.Bytes(), nil
}

func (d page) at(family, style string, size float64, c color) {
	d.SetFont(family, style, size)
	d.SetTextColor(c[0], c[1], c[2])
}

func (d page) fill(c color) { d.SetFillColor(c[0], c[1], c[2]) }

func (d page) title(p incident.Postmortem) {
	i := p.Incident
	d.at("sans", "", 9, faint)
	d.CellFormat(width, 5, clean(p.Office)+" · Postmortem, draft", "", 1, "L", false, 0, "")
	d.Ln(1)
	d.at("sans", "B", 19, ink)
	d.MultiCell(width, 8.5, clean(i.Ticket+"  "+i.Title), "", "L", false)
	d.Ln(2)
	chip := func(text string, c color) {
		d.at("sans", "B", 8.5, color{255, 255, 255})
		d.fill(c)
		d.CellFormat(d.GetStringWidth(text)+5, 5.6, text, "", 0, "C", true, 0, "")
		d.SetX(d.GetX() + 2)
	}
	chip(incident.Label(i.Severity), bySev[i.Severity])
	chip(strings.ToUpper(string(i.Stage)), color{70, 78, 92})
	if i.Environment != "" {
		chip(clean(strings.ToUpper(i.Environment)), accent)
	}
	if i.Mode != "real" {
		chip(clean(strings.ToUpper(i.Mode)), color{110, 70, 170})
	}
	d.Ln(9)
}

// facts sets names and values in two columns.
func (d page) facts(p incident.Postmortem) {
	const col = width / 2
	left := true
	for _, f := range p.Facts() {
		if f[0] == "Severity" || f[0] == "Stage" || f[0] == "Environment" || f[0] == "Mode" {
			continue // they stand under the title
		}
		d.at("sans", "", 8.5, faint)
		d.CellFormat(32, row, f[0], "", 0, "L", false, 0, "")
		d.at("sans", "", 9, ink)
		d.CellFormat(col-32, row, d.short(clean(f[1]), col-34), "", 0, "L", false, 0, "")
		if left = !left; left {
			d.Ln(row)
		}
	}
	if !left {
		d.Ln(row)
	}
}

// short cuts text to a width.
func (d page) short(text string, most float64) string {
	if d.GetStringWidth(text) <= most {
		return text
	}
	rs := []rune(text)
	for len(rs) > 0 && d.GetStringWidth(string(rs)+"…") > most {
		rs = rs[:len(rs)-1]
	}
	return string(rs) + "…"
}

func (d page) section(name string) {
	d.room(22)
	d.Ln(5)
	d.at("sans", "B", 12, ink)
	d.Bookmark(name, 0, -1)
	d.CellFormat(width, 6.5, name, "", 1, "L", false, 0, "")
	d.SetDrawColor(rule[0], rule[1], rule[2])
	d.Line(margin, d.GetY(), margin+width, d.GetY())
	d.Ln(2)
}

// room begins a new page unless so much is left of this one.
func (d page) room(need float64) {
	_, height := d.GetPageSize()
	if d.GetY()+need > height-20 {
		d.AddPage()
	}
}

func (d page) text(text string) {
	d.at("sans", "", 9.5, ink)
	d.MultiCell(width, row, clean(text), "", "L", false)
}

func (d page) hint(text string) {
	d.at("sans", "", 9.5, faint)
	d.MultiCell(width, row, text, "", "L", false)
}

func (d page) bullet(text string) { d.marked("•", 4, text) }

func (d page) marked(mark string, indent float64, text string) {
	d.room(row)
	d.at("sans", "", 9.5, ink)
	d.SetX(margin)
	d.CellFormat(indent, row, mark, "", 0, "L", false, 0, "")
	d.SetLeftMargin(margin + indent)
	d.MultiCell(width-indent, row, clean(text), "", "L", false)
	d.SetLeftMargin(margin)
	d.SetX(margin)
}

// check sets a line with a box, ticked when it is done.
func (d page) check(done bool, text string) {
	d.room(row)
	d.SetDrawColor(faint[0], faint[1], faint[2])
	x, y := margin+0.6, d.GetY()+1.1
	d.Rect(x, y, 2.8, 2.8, "D")
	if done {
		d.Line(x+0.6, y+1.5, x+1.2, y+2.2)
		d.Line(x+1.2, y+2.2, x+2.3, y+0.6)
	}
	d.marked("", 6, text)
}

func (d page) followups(p incident.Postmortem, kind string) (any bool) {
	for _, f := range p.Followups {
		if f.Kind == kind {
			d.check(f.State != "open", p.Told(f))
			any = true
		}
	}
	return any
}

// table sets rows whose cells wrap; the heading is repeated on each page.
func (d page) table(widths []float64, head []string, rows [][]string) {
	const size, line, pad, tallest = 8.5, 4.4, 0.9, 40
	heading := func() {
		d.at("sans", "B", 8, faint)
		for n, h := range head {
			d.CellFormat(widths[n], row, h, "", 0, "L", false, 0, "")
		}
		d.Ln(row)
	}
	heading()
	_, height := d.GetPageSize()
	rows = slices.Clone(rows)
	for at := 0; at < len(rows); at++ {
		cells := rows[at]
		d.at("sans", "", size, ink)
		wrapped, most := make([][]string, len(cells)), 1
		for n, c := range cells {
			wrapped[n] = d.SplitText(clean(c), widths[n]-2)
			most = max(most, len(wrapped[n]))
		}
		if most > tallest { // it would not fit on any page: the rest follows as a row of its own
			rest := make([]string, len(cells))
			for n, lines := range wrapped {
				if len(lines) > tallest {
					wrapped[n], rest[n] = lines[:tallest], strings.Join(lines[tallest:], " ")
				}
			}
			rows, most = slices.Insert(rows, at+1, rest), tallest
		}
		tall := float64(most)*line + 2*pad
		if d.GetY()+tall > height-20 {
			d.AddPage()
			heading()
			d.at("sans", "", size, ink)
		}
		x, y := margin, d.GetY()
		d.SetDrawColor(rule[0], rule[1], rule[2])
		d.Line(margin, y, margin+width, y)
		for n, lines := range wrapped {
			for k, l := range lines {
				d.SetXY(x, y+pad+float64(k)*line)
				d.CellFormat(widths[n], line, l, "", 0, "L", false, 0, "")
			}
			x += widths[n]
		}
		d.SetXY(margin, y+tall)
	}
}

func moment(at time.Time) string { return at.UTC().Format("2 Jan 2006 15:04:05") }

// inWords are the pictures that people in an incident use most; the fonts have none.
var inWords = map[rune]string{
	'👍': "(yes)", '👎': "(no)", '✅': "(done)", '❌': "(failed)", '🔥': "(fire)", '⚠': "(warning)", '🚨': "(alarm)", '👀': "(looking)",
	'🎉': "(hooray)", '🙏': "(thanks)", '🚀': "(rocket)", '😀': "(smile)", '🙂': "(smile)", '😂': "(laughs)", '😢': "(sad)", '❤': "(heart)", '🛑': "(stop)",
}

// picture says whether a character is an emoji.
func picture(r rune) bool {
	return r >= 0x1f000 && r <= 0x1faff || r >= 0x2600 && r <= 0x27bf || r >= 0x2b00 && r <= 0x2bff
}

// clean leaves out what has no place on paper: control and direction characters.
// A picture becomes a word, and what else the fonts do not have a box. Line breaks stay.
func clean(text string) string {
	if strings.ContainsFunc(text, picture) {
		var b strings.Builder
		for _, r := range text {
			switch word := inWords[r]; {
			case r >= 0x1f3fb && r <= 0x1f3ff: // the colour of a skin
			case word != "":
				b.WriteString(word)
			case picture(r):
				b.WriteString("(emoji)")
			default:
				b.WriteRune(r)
			}
		}
		text = b.String()
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff, r == 0xfe0f:
			return -1
		case r == '→':
			return '›'
		case r == '−':
			return '–'
		case r > 0xffff:
			return '□'
		}
		return r
	}, text)
}
