import { KeyRound, Plus, Trash2, Upload } from 'lucide-react'
import { useState } from 'react'
import { api, type KeyEntry } from '@/api'
import { Button, buttonClass, Chip, ConfirmButton, DataTable, Empty, Field, Input, Select, Textarea, Time, toast } from '@/ui'
import { bytes, keyContentProblem, keyPathProblem, KEY_TYPES } from './model'
import { FormDialog, Head, useItems, useRefresh } from './parts'
import s from './admin.module.css'

const at = (path: string) => '/keys/' + path.split('/').map(encodeURIComponent).join('/')

/** Key storage: things go in and are used by runs; nothing ever comes out. */
export default function Keys() {
  const { items, state } = useItems<KeyEntry>(['keys'], '/keys')
  const refresh = useRefresh()
  const [adding, setAdding] = useState<string | null>(null)
  const [binding, setBinding] = useState<KeyEntry | null>(null)
  return (
    <>
      <Head
        title="Keys"
        action={
          <Button kind="primary" icon={<Plus size={13} />} onClick={() => setAdding('')}>
            Add a key
          </Button>
        }
      >
        Private keys and passwords are encrypted when they arrive and opened only for a run that may use them. They cannot be shown again, not even to you.
      </Head>
      {state ?? (
        <div className={s.list}>
          <DataTable
            label="Keys"
            rows={items}
            rowKey={(k) => k.path}
            empty={<Empty icon={<KeyRound size={20} />} title="No keys yet">Add the key that runs use to reach your nodes, and name its path in the node’s attribute ssh-key-storage-path.</Empty>}
            columns={[
              {
                key: 'p',
                head: 'Path',
                fill: true,
                cell: (k) => (
                  <span className={s.tree}>
                    {k.path}
                    {k.fingerprint && <small className="c-3"> {k.fingerprint}</small>}
                  </span>
                ),
              },
              { key: 't', head: 'Type', cell: (k) => <Chip>{KEY_TYPES.find((t) => t.id === k.type)?.label ?? k.type}</Chip> },
              { key: 'f', head: 'For', wide: true, cell: (k) => <span className={s.chips}>{[...k.nodes, ...k.environments].length === 0 ? <span className="c-3">any node</span> : [...k.nodes, ...k.environments].map((x) => <Chip key={x}>{x}</Chip>)}</span> },
              { key: 's', head: 'Size', num: true, wide: true, cell: (k) => bytes(k.size) },
              { key: 'm', head: 'Changed', wide: true, num: true, cell: (k) => <Time at={k.modified_at} mode="date" /> },
              {
                key: 'do',
                head: <span className="sr">Actions</span>,
                cell: (k) => (
                  <span className={s.actions}>
                    <Button size="s" onClick={() => setAdding(k.path)} aria-label={`Replace ${k.path}`}>
                      Replace
                    </Button>
                    <Button size="s" onClick={() => setBinding(k)} aria-label={`Bind ${k.path}`}>
                      Bind
                    </Button>
                    <ConfirmButton
                      size="s"
                      kind="danger"
                      icon={<Trash2 size={12} />}
                      title={`Remove ${k.path}?`}
                      description="Runs that need it fail from now on. It cannot be brought back."
                      confirm="Remove"
                      onConfirm={async () => {
                        await api.del(at(k.path))
                        await refresh('keys')
                      }}
                    >
                      Remove
                    </ConfirmButton>
                  </span>
                ),
              },
            ]}
          />
        </div>
      )}
      {binding && (
        <BindForm
          of={binding}
          onClose={() => setBinding(null)}
          onSaved={async () => {
            await refresh('keys')
            setBinding(null)
          }}
        />
      )}
      {adding !== null && (
        <KeyForm
          path={adding}
          type={items.find((k) => k.path === adding)?.type}
          onClose={() => setAdding(null)}
          onSaved={async (path) => {
            await refresh('keys')
            setAdding(null)
            toast(`${path} is stored`)
          }}
        />
      )}
    </>
  )
}

function KeyForm({ path: given, type: was, onClose, onSaved }: { path: string; type?: KeyEntry['type']; onClose: () => void; onSaved: (path: string) => Promise<void> }) {
  const [path, setPath] = useState(given)
  const [type, setType] = useState<KeyEntry['type']>(was ?? 'private-key')
  const [content, setContent] = useState('')
  const bad = { path: keyPathProblem(path), content: keyContentProblem(type, content) }
  return (
    <FormDialog
      title={given ? `Replace ${given}` : 'Add a key'}
      submit="Store"
      valid={!bad.path && !bad.content}
      onClose={onClose}
      onSave={async () => {
        // A private key file ends with a line feed; without it some readers refuse the key.
        const body = type === 'password' ? content : content.trimEnd() + '\n'
        await api.put(at(path), { type, content: body })
        await onSaved(path)
      }}
    >
      {(fields, tried) => (
        <>
          {!given && (
            <Field label="Path" required hint="Such as keys/demo/deploy" error={(tried && bad.path) || fields['path']}>
              <Input mono value={path} onChange={(e) => setPath(e.target.value.trim())} autoFocus />
            </Field>
          )}
          <Field label="Type">
            <Select value={type} onChange={(e) => setType(e.target.value as KeyEntry['type'])}>
              {KEY_TYPES.map((t) => (
                <option key={t.id} value={t.id}>
                  {t.label}
                </option>
              ))}
            </Select>
          </Field>
          {type === 'password' ? (
            <Field label="Password" required error={(tried && bad.content) || fields['content']}>
              <Input type="password" autoComplete="new-password" value={content} onChange={(e) => setContent(e.target.value)} />
            </Field>
          ) : (
            <>
              <Field label="Key" required error={(tried && bad.content) || fields['content']}>
                <Textarea mono rows={6} value={content} spellCheck={false} autoComplete="off" placeholder={type === 'private-key' ? '-----BEGIN OPENSSH PRIVATE KEY-----' : 'ssh-ed25519 AAAA…'} onChange={(e) => setContent(e.target.value)} />
              </Field>
              <span className={s.fileButton}>
                <span className={buttonClass('ghost', 's')}>
                  <Upload size={12} aria-hidden="true" />
                  From a file
                </span>
                <input
                  type="file"
                  aria-label="Take the key from a file"
                  onChange={(e) => {
                    void e.target.files?.[0]?.text().then(setContent)
                    e.target.value = ''
                  }}
                />
              </span>
            </>
          )}
        </>
      )}
    </FormDialog>
  )
}

const words = (text: string) => text.split(/[\n,]/).map((w) => w.trim()).filter(Boolean)

/** For which nodes and environments a key may be used. */
function BindForm({ of, onClose, onSaved }: { of: KeyEntry; onClose: () => void; onSaved: () => Promise<void> }) {
  const [nodes, setNodes] = useState(of.nodes.join(', '))
  const [environments, setEnvironments] = useState(of.environments.join(', '))
  return (
    <FormDialog
      title={`Bind ${of.path}`}
      submit="Save"
      valid
      onClose={onClose}
      onSave={async () => {
        await api.patch(at(of.path), { nodes: words(nodes), environments: words(environments) })
        await onSaved()
      }}
    >
      {(fields) => (
        <>
          <Field label="Nodes" hint="Names with commas between them; * and ? stand for parts. Empty: any node" error={fields['nodes']}>
            <Input mono value={nodes} placeholder="pay-prod-*" onChange={(e) => setNodes(e.target.value)} autoFocus />
          </Field>
          <Field label="Environments" hint="Such as prod. A node whose environment nobody knows is in none. Empty: any" error={fields['environments']}>
            <Input mono value={environments} onChange={(e) => setEnvironments(e.target.value)} />
          </Field>
        </>
      )}
    </FormDialog>
  )
}
