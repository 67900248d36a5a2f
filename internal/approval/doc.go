// Package approval decides whether enough of the right people said yes. It never
// acts on the answer; the package that asked does.
//
//	asked ──enough yes──▶ approved
//	  ├──one no─────────▶ declined
//	  ├──time passed────▶ expired
//	  └──what was asked is no longer so──▶ voided
//
// Invariants: nobody approves what they asked for themselves; a yes holds only
// for the digest it was given for; a project whose rules cannot be read lets
// nothing pass. When approval is needed is said by each project's approval rules.
package approval
