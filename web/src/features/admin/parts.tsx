import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { ApiError, api, errorText, type Items } from '@/api'
import { Button, CopyButton, Dialog, DialogActions, ErrorState, Form, Loading, Notice } from '@/ui'
import s from './admin.module.css'

/** The heading of a section, with what it is for and its main button. */
export const Head = ({ title, action, children }: { title: string; action?: ReactNode; children?: ReactNode }) => (
  <div className={s.headBlock}>
    <div className={s.titleRow}>
      <h2>{title}</h2>
      <span className="grow" />
      {action}
    </div>
    {children && <p>{children}</p>}
  </div>
)

/** A list from the API, with its loading and error states. */
export function useItems<T>(key: readonly unknown[], path: string, query?: Record<string, string | number | undefined>) {
  const q = useQuery({ queryKey: key, queryFn: () => api.get<Items<T>>(path, query) })
  const state = q.isPending ? <Loading lines={6} /> : q.error && !q.data ? <ErrorState error={q.error} onRetry={() => void q.refetch()} /> : null
  return { items: q.data?.items ?? [], state, refetch: q.refetch }
}
export function useRefresh() {
  const queries = useQueryClient()
  return (...nouns: string[]) => Promise.all(nouns.map((n) => queries.invalidateQueries({ queryKey: [n] })))
}

/** A dialog with a form that saves; it stays open with the reason when saving fails. */
export function FormDialog({ title, description, submit, onSave, onClose, valid = true, width = 500, children }: { title: string; description?: ReactNode; submit: string; onSave: () => Promise<unknown>; onClose: () => void; valid?: boolean; width?: number; children: (fields: Record<string, string>, tried: boolean) => ReactNode }) {
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  const fields = failed instanceof ApiError ? failed.fields : {}
  const save = async (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    setFailed(null)
    if (!valid) return
    setBusy(true)
    try {
      await onSave()
    } catch (x) {
      setFailed(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={title} description={description} width={width}>
      <Form onSubmit={(e) => void save(e)}>
        {children(fields, tried)}
        {failed !== null && <Notice>{errorText(failed)}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            {submit}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

/** Something shown once and never again. */
export const Secret = ({ text, label }: { text: string; label: string }) => (
  <div className={s.secret}>
    <span>{text}</span>
    <CopyButton text={text} label={label} />
  </div>
)
