import { Link, useBlocker, useParams } from '@tanstack/react-router'
import { ArrowLeft, Download, Eye, LayoutTemplate, Maximize, Minus, Plus, Redo2, Save, Undo2, Upload, Wand2 } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { api, ApiError, errorText, useCan, useMyId, type FloorPlan } from '@/api'
import { typing, useWindow } from '@/lib/hooks'
import { nameOf, useOffice } from '@/realtime'
import { Button, ErrorState, GuideLink, IconButton, Loading, Menu, MenuItem, MenuSeparator, Notice, toast, toastError } from '@/ui'
import { cx } from '@/lib/cx'
import { zoom, type Box } from '../model'
import { Canvas, whole } from './Canvas'
import { ArrangeDialog, ConflictDialog, ImportDialog, LeaveDialog, TemplateDialog } from './Dialogs'
import { Inspector, type Loose } from './Inspector'
import * as m from './model'
import ms from '../map.module.css'
import s from './edit.module.css'

/** A floor's plan, to be edited. */
export default function EditorView() {
  const { id = '' } = useParams({ strict: false })
  const [plan, setPlan] = useState<FloorPlan | null>(null)
  const [error, setError] = useState<unknown>(null)
  const load = useCallback(() => {
    setError(null)
    return api.get<FloorPlan>(`/floors/${encodeURIComponent(id)}`).then(setPlan, setError)
  }, [id])
  useEffect(() => {
    setPlan(null)
    void load()
  }, [load])
  if (error) return <ErrorState error={error} title="The floor did not load" onRetry={() => void load()} />
  if (!plan) return <Loading label="Loading the plan" lines={8} />
  return <Editor key={plan.id} plan={plan} />
}

const STEP: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
type Opened = '' | 'template' | 'arrange' | 'import'

function Editor({ plan }: { plan: FloorPlan }) {
  const me = useMyId()
  const mayMake = useCan('manage_rooms')
  const may = plan.abilities?.update ?? false
  const rooms = useOffice((x) => x.rooms)
  const floors = useOffice((x) => x.floors)
  const name = floors.find((f) => f.id === plan.id)?.name ?? plan.name
  const newest = floors.find((f) => f.id === plan.id)
  const [history, setHistory] = useState(() => m.begin(m.fromPlan(plan)))
  const [version, setVersion] = useState(plan.version)
  const [selected, setSelected] = useState('')
  const [view, setView] = useState<Box | null>(null)
  const [said, setSaid] = useState('')
  const [opened, setOpened] = useState<Opened>('')
  const [saving, setSaving] = useState(false)
  const [refused, setRefused] = useState('')
  const [theirs, setTheirs] = useState<FloorPlan | null>(null)
  const root = useRef<HTMLDivElement>(null)
  const before = useRef<m.History | null>(null)
  const gesture = useRef(0)
  const doc = history.now
  const changed = m.dirty(history)
  const wrong = useMemo(() => m.problems(doc), [doc])

  const act = useCallback((label: string, next: m.Doc, merge = '') => {
    setRefused('')
    setHistory((h) => m.act(h, label, next, merge))
  }, [])
  const select = useCallback((key: string, focus = false) => {
    setSelected(key)
    if (focus && key) requestAnimationFrame(() => root.current?.querySelector<SVGGElement>(`[data-item="${CSS.escape(key)}"]`)?.focus())
  }, [])
  const back = useCallback((step: 'undo' | 'redo') => {
    setRefused('')
    setHistory((h) => {
      const last = (step === 'undo' ? h.past : h.future).at(-1)
      if (last) setSaid(`${step === 'undo' ? 'Undid' : 'Did again'}: ${last.label}`)
      return step === 'undo' ? m.undo(h) : m.redo(h)
    })
  }, [])
  const remove = useCallback(
    (key: string) => {
      const i = doc.items.find((x) => x.key === key)
      if (!i) return
      const after = m.next(doc, key, 1)
      act(`Take ${m.label(doc, i)} off the plan`, m.remove(doc, key))
      setSaid(`${m.label(doc, i)} was taken off the plan`)
      select(after === key ? '' : after, true)
    },
    [doc, act, select],
  )
  const place = (room: { id?: string; name: string; kind: string }) => {
    const key = m.newKey()
    const next = m.addRoom(doc, room, key)
    act(`Place ${room.name}`, next)
    setSaid(m.inWords(next, key))
    select(key, true)
  }
  const addSlot = () => {
    const key = m.newKey()
    const next = m.addSlot(doc, key)
    act('Add a place for a war room', next)
    setSaid(m.inWords(next, key))
    select(key, true)
  }
  const use = (label: string, next: m.Doc) => {
    act(label, m.recognise(next, Object.values(rooms), plan.id))
    setOpened('')
    setSelected('')
    setView(null)
    setSaid(`${label}: ${next.items.length} things on the plan`)
  }
  const save = async (as: number) => {
    if (wrong.length) {
      setRefused(`${wrong[0]!.text} Mend it, then save.`)
      return
    }
    setSaving(true)
    setRefused('')
    try {
      const saved = await api.put<FloorPlan>(`/floors/${plan.id}`, { version: as, layout: m.toLayout(doc) })
      setVersion(saved.version)
      setHistory((h) => {
        const now = h.now === doc ? m.withIds(doc, saved) : h.now
        return { ...h, now, saved: m.withIds(doc, saved) }
      })
      setTheirs(null)
      toast(`${name} is saved`)
    } catch (e) {
      if (e instanceof ApiError && e.status === 409) {
        try {
          setTheirs(await api.get<FloorPlan>(`/floors/${plan.id}`))
        } catch (x) {
          toastError('Their plan did not load', x)
        }
      } else {
        setTheirs(null)
        setRefused(errorText(e))
      }
    } finally {
      setSaving(false)
    }
  }
  const takeTheirs = (p: FloorPlan) => {
    const d = m.fromPlan(p)
    setHistory((h) => ({ ...m.act(h, `Take ${nameOf(p.changed_by)}’s plan`, d), saved: d }))
    setVersion(p.version)
    setTheirs(null)
    setSelected('')
  }
  const download = () => {
    const url = URL.createObjectURL(new Blob([JSON.stringify(m.toFile(doc, name), null, 2) + '\n'], { type: 'application/json' }))
    const a = document.createElement('a')
    a.href = url
    a.download = m.fileName({ name })
    a.click()
    URL.revokeObjectURL(url)
  }

  const onKey = useCallback(
    (e: KeyboardEvent, key: string) => {
      const step = STEP[e.key]
      const i = doc.items.find((x) => x.key === key)
      if (!i) return
      if (step && !e.altKey && !e.ctrlKey && !e.metaKey) {
        e.preventDefault()
        const [dx, dy] = step
        const next = e.shiftKey ? m.resizeBy(doc, key, dx, dy) : m.moveBy(doc, key, dx, dy)
        act(`${e.shiftKey ? 'Resize' : 'Move'} ${m.label(doc, i)}`, next, `keys ${e.shiftKey} ${key}`)
        setSaid(m.inWords(next, key))
      } else if (e.key === 'Delete' || e.key === 'Backspace') {
        e.preventDefault()
        remove(key)
      } else if (e.key === 'PageDown' || e.key === 'PageUp') {
        e.preventDefault()
        select(m.next(doc, key, e.key === 'PageDown' ? 1 : -1), true)
      } else if (e.key === 'Enter') {
        e.preventDefault()
        root.current?.querySelector<HTMLElement>('aside input, aside select')?.focus()
      } else if (e.key === 'Escape' && selected) {
        e.preventDefault()
        setSelected('')
      }
    },
    [doc, act, remove, select, selected],
  )
  useWindow('keydown', (e) => {
    const ctrl = e.ctrlKey || e.metaKey
    if (!ctrl || e.altKey || !may) return
    const key = e.key.toLowerCase()
    if (key === 's') {
      e.preventDefault()
      void save(version)
    } else if (!typing(e) && (key === 'z' || key === 'y')) {
      e.preventDefault()
      back(key === 'y' || e.shiftKey ? 'redo' : 'undo')
    }
  })
  const blocker = useBlocker({ shouldBlockFn: () => changed, enableBeforeUnload: () => changed, withResolver: true })
  const onGesture = useCallback(
    (what: 'begin' | 'cancel' | 'end') => {
      if (what === 'begin') {
        before.current = history
        gesture.current++
      } else if (what === 'cancel' && before.current) {
        setHistory(before.current)
        setSaid('Put back')
      }
    },
    [history],
  )
  const onMove = (key: string, x: number, y: number) => {
    const i = doc.items.find((v) => v.key === key)
    const next = m.moveTo(doc, key, x, y)
    if (i) act(`Move ${m.label(doc, i)}`, next, `drag ${gesture.current}`)
    if (next !== doc) setSaid(m.inWords(next, key))
  }
  const onResize = (key: string, to: Parameters<typeof m.resize>[2]) => {
    const i = doc.items.find((v) => v.key === key)
    const next = m.resize(doc, key, to)
    if (i) act(`Resize ${m.label(doc, i)}`, next, `drag ${gesture.current}`)
    if (next !== doc) setSaid(m.inWords(next, key))
  }
  const onDoor = (key: string, n: number, at: number) => {
    const i = doc.items.find((v) => v.key === key)
    if (i) act(`Move a door of ${m.label(doc, i)}`, m.setDoor(doc, key, n, { at }), `drag ${gesture.current}`)
  }

  // What could be placed: rooms of this floor without a place, those taken off just now, and those of other floors.
  const loose = useMemo<Loose[]>(() => {
    const on = new Set(doc.items.map((i) => i.id).filter(Boolean))
    const floorName = new Map(floors.map((f) => [f.id, f.name]))
    const known = Object.values(rooms)
      .filter((r) => r.kind !== 'incident' && !r.archived && !on.has(r.id))
      .map((r) => ({ id: r.id, name: r.name, kind: r.kind, where: r.floor === plan.id ? '' : (floorName.get(r.floor) ?? 'another floor') }))
    const hidden = plan.unplaced.filter((r) => !rooms[r] && !on.has(r)).map((r) => ({ id: r, name: 'Private room', kind: 'team', where: '' }))
    return [...known, ...hidden].sort((a, b) => a.name.localeCompare(b.name))
  }, [doc, rooms, floors, plan])
  const taken = useMemo(() => new Set(Object.values(rooms).map((r) => r.name.toLowerCase())), [rooms])
  const full = whole(doc)
  const by = (factor: number) => {
    const b = view ?? full
    const next = zoom(b, full, factor, b.x + b.w / 2, b.y + b.h / 2)
    setView(next.w >= full.w - 1 ? null : next)
  }

  if (!may)
    return (
      <ErrorState error={new ApiError(403, { detail: `You may not change the plan of ${name}. An administrator can, and can change the rule.` })} title="You may not edit this floor" />
    )
  return (
    <div ref={root} className={cx(ms.view, s.editor)}>
      <header className={s.bar}>
        <Link to="/" search={{}} className={s.back} aria-label="Back to the map">
          <ArrowLeft size={15} aria-hidden="true" />
        </Link>
        <h1>{name}</h1>
        <span className={cx(s.state, changed && s.unsaved)}>{changed ? 'Not saved' : 'Saved'}</span>
        <span className="grow" />
        <div className={s.tools} role="toolbar" aria-label="Editing">
          <IconButton label="Undo" shortcut="Ctrl Z" disabled={!history.past.length} onClick={() => back('undo')}>
            <Undo2 size={15} />
          </IconButton>
          <IconButton label="Do again" shortcut="Ctrl Y" disabled={!history.future.length} onClick={() => back('redo')}>
            <Redo2 size={15} />
          </IconButton>
          <Menu align="start" trigger={<Button icon={<Plus size={13} />}>Add</Button>}>
            {mayMake && m.KINDS.map((k) => <MenuItem key={k.id} onSelect={() => place({ name: m.freshName(doc, k.id, taken), kind: k.id })}>{k.label}</MenuItem>)}
            {mayMake && <MenuSeparator />}
            <MenuItem onSelect={addSlot}>Place for a war room</MenuItem>
          </Menu>
          <Menu trigger={<Button icon={<LayoutTemplate size={13} />}>Plan</Button>}>
            <MenuItem icon={<LayoutTemplate size={14} />} onSelect={() => setOpened('template')}>Begin with a template</MenuItem>
            <MenuItem icon={<Wand2 size={14} />} onSelect={() => setOpened('arrange')}>Arrange by teams</MenuItem>
            <MenuSeparator />
            <MenuItem icon={<Upload size={14} />} onSelect={() => setOpened('import')}>Import a file</MenuItem>
            <MenuItem icon={<Download size={14} />} onSelect={download}>Export as a file</MenuItem>
          </Menu>
          <span className={s.zooms}>
            <IconButton label="Zoom out" disabled={!view} onClick={() => by(1 / 1.4)}>
              <Minus size={15} />
            </IconButton>
            <IconButton label="Zoom in" onClick={() => by(1.4)}>
              <Plus size={15} />
            </IconButton>
            <IconButton label="Fit the floor" disabled={!view} onClick={() => setView(null)}>
              <Maximize size={14} />
            </IconButton>
          </span>
        </div>
        <Button className={s.save} kind="primary" icon={<Save size={13} />} busy={saving} disabled={!changed} onClick={() => void save(version)}>
          Save
        </Button>
      </header>
      {newest && newest.version > version && newest.changed_by !== me && !theirs && (
        <div className={s.news}>
          <Notice
            tone="amber"
            action={
              <Button size="s" icon={<Eye size={12} />} onClick={() => void api.get<FloorPlan>(`/floors/${plan.id}`).then(setTheirs, (e) => toastError('Their plan did not load', e))}>
                Look
              </Button>
            }
          >
            {nameOf(newest.changed_by)} saved another plan of this floor meanwhile.
          </Notice>
        </div>
      )}
      {refused && (
        <div className={s.news}>
          <Notice title="The plan was not saved.">{refused}</Notice>
        </div>
      )}
      <div className={s.split}>
        <Canvas name={name} doc={doc} selected={selected} view={view} onView={setView} onSelect={setSelected} onGesture={onGesture} onMove={onMove} onResize={onResize} onDoor={onDoor} onKey={onKey}>
          <div className={s.foot2}>
            <p role="status" className={s.said}>
              {said}
            </p>
            <p id="edit-keys" className={s.keys}>
              Arrows move, with Shift they resize. Page Down goes on to the next, Delete takes it off, Ctrl Z undoes.
              <GuideLink to="map#editing-a-floor">More about editing</GuideLink>
            </p>
          </div>
        </Canvas>
        <aside className={s.panel} aria-label="What is chosen" tabIndex={0}>
          <Inspector doc={doc} selected={selected} wrong={wrong} loose={loose} mayMake={mayMake} act={act} onSelect={select} onRemove={remove} onPlace={place} />
        </aside>
      </div>
      {opened === 'template' && <TemplateDialog filled={doc.items.length > 0} onClose={() => setOpened('')} onUse={(label, l) => use(label, m.fromLayout(l))} />}
      {opened === 'arrange' && <ArrangeDialog onClose={() => setOpened('')} onUse={(l) => use('Arranged by teams', m.fromLayout(l))} />}
      {opened === 'import' && <ImportDialog onClose={() => setOpened('')} onUse={(d) => use('Imported plan', d)} />}
      {theirs && <ConflictDialog theirs={theirs} mine={doc} busy={saving} onClose={() => setTheirs(null)} onTheirs={() => takeTheirs(theirs)} onMine={() => void save(theirs.version)} />}
      {blocker.status === 'blocked' && <LeaveDialog onStay={blocker.reset} onLeave={blocker.proceed} />}
    </div>
  )
}
