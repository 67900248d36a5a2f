import { useState, type FormEvent } from 'react'
import { ApiError, api, errorText, signedIn, useMe } from '@/api'
import { Button, Field, Form, Input, Notice, toast } from '@/ui'
import { Head } from './parts'
import s from './admin.module.css'

/** What the office calls itself. */
export default function Office() {
  const me = useMe()
  const [name, setName] = useState(me.office.name)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  const wanted = name.trim()
  const save = async (e: FormEvent) => {
    e.preventDefault()
    if (!wanted || wanted === me.office.name) return
    setBusy(true)
    setFailed(null)
    try {
      const office = await api.patch<{ name: string }>('/office', { name: wanted })
      signedIn({ ...me, office })
      setName(office.name)
      toast('The office has a new name', { detail: 'Others see it when they open Muster next.' })
    } catch (x) {
      setFailed(x)
    } finally {
      setBusy(false)
    }
  }
  const field = failed instanceof ApiError ? failed.fields.name : undefined
  return (
    <>
      <Head title="Office">Its name stands at the top of every screen and in each postmortem.</Head>
      <div className={s.narrow}>
        <Form onSubmit={(e) => void save(e)}>
          <Field label="Name" required error={field ?? (wanted ? '' : 'The office needs a name.')}>
            <Input value={name} onChange={(e) => setName(e.target.value)} maxLength={80} autoComplete="off" />
          </Field>
          {failed !== null && !field && <Notice>{errorText(failed)}</Notice>}
          <div>
            <Button type="submit" kind="primary" busy={busy} disabled={!wanted || wanted === me.office.name}>
              Save the name
            </Button>
          </div>
        </Form>
      </div>
    </>
  )
}
