import { LogOut, Pencil, UserPlus } from 'lucide-react'
import { useState } from 'react'
import { api, useMyId, type User } from '@/api'
import { rank } from '@/lib/fuzzy'
import { UserAvatar, useGroupNames } from '@/realtime'
import { Button, Checkbox, Chip, ConfirmButton, DataTable, Dialog, DialogActions, Empty, Field, GroupInput, Input, Notice, toast, toastError } from '@/ui'
import { emailProblem, groupsOf, loginFrom, loginProblem, roleConflict, roleLabel, ROLES } from './model'
import { FormDialog, Head, Secret, useItems, useRefresh } from './parts'
import s from './admin.module.css'

/** Accounts: who they are, what they may do, and the ways to take it back. */
export default function People() {
  const { items, state } = useItems<User>(['users'], '/users')
  const refresh = useRefresh()
  const me = useMyId()
  const [text, setText] = useState('')
  const [adding, setAdding] = useState(false)
  const [editing, setEditing] = useState<User | null>(null)
  const [made, setMade] = useState<{ user: User; password: string } | null>(null)
  const found = rank(text, items.filter((u) => u.kind === 'person'), (u) => [u.display, u.name, u.team, u.roles.join(' ')], 2000)
  return (
    <>
      <Head
        title="People"
        action={
          <Button kind="primary" icon={<UserPlus size={13} />} onClick={() => setAdding(true)}>
            Add a person
          </Button>
        }
      >
        A role is a group that policies speak of. Disabling somebody ends their sessions at once; what they did stays on record.
      </Head>
      {state ?? (
        <>
          <Input type="search" aria-label="Find a person" placeholder="Name, login, team or role" value={text} onChange={(e) => setText(e.target.value)} />
          <div className={s.list}>
            <DataTable
              label="People"
              rows={found}
              rowKey={(u) => u.id}
              empty={<Empty title={`Nobody fits “${text}”`} />}
              columns={[
                {
                  key: 'who',
                  head: 'Person',
                  fill: true,
                  cell: (u) => (
                    <span className={s.who}>
                      <UserAvatar id={u.id} size={26} fallback={u} />
                      <span>
                        <b>{u.display}</b>
                        <small>
                          {u.name}
                          {u.email ? `, ${u.email}` : ''}
                        </small>
                        <span className={`${s.chips} ${s.phoneOnly}`}>
                          {u.roles.map((r) => (
                            <Chip key={r}>{roleLabel(r)}</Chip>
                          ))}
                        </span>
                      </span>
                      {u.disabled && <Chip tone="red">Disabled</Chip>}
                    </span>
                  ),
                },
                {
                  key: 'roles',
                  head: 'Roles',
                  wide: true,
                  cell: (u) => (
                    <span className={`${s.chips} ${s.rolesCell}`}>
                      {u.roles.map((r) => (
                        <Chip key={r}>{roleLabel(r)}</Chip>
                      ))}
                      {u.roles.length === 0 && <span className="c-3">none</span>}
                    </span>
                  ),
                },
                {
                  key: 'do',
                  head: <span className="sr">Actions</span>,
                  cell: (u) => (
                    <span className={s.actions}>
                      <Button size="s" icon={<Pencil size={12} />} aria-label={`Edit ${u.display}`} onClick={() => setEditing(u)}>
                        Edit
                      </Button>
                      <ConfirmButton
                        size="s"
                        icon={<LogOut size={12} />}
                        label={`Revoke the sign-ins of ${u.display}`}
                        title={`Sign ${u.display} out everywhere?`}
                        description="All sessions and API tokens end now, open windows are closed. The password stays as it is."
                        confirm="Sign out everywhere"
                        onConfirm={async () => {
                          await api.post(`/users/${u.id}/revoke`)
                          toast(`${u.display} is signed out everywhere`)
                        }}
                      >
                        Revoke
                      </ConfirmButton>
                      {u.id !== me && (
                        <ConfirmButton
                          size="s"
                          kind={u.disabled ? 'ghost' : 'danger'}
                          label={`${u.disabled ? 'Enable' : 'Disable'} ${u.display}`}
                          title={u.disabled ? `Enable ${u.display}?` : `Disable ${u.display}?`}
                          description={u.disabled ? 'They can sign in again with the password they had.' : 'They are signed out at once and cannot sign in again until enabled.'}
                          confirm={u.disabled ? 'Enable' : 'Disable'}
                          onConfirm={async () => {
                            await api.patch(`/users/${u.id}`, { disabled: !u.disabled })
                            await refresh('users')
                          }}
                        >
                          {u.disabled ? 'Enable' : 'Disable'}
                        </ConfirmButton>
                      )}
                    </span>
                  ),
                },
              ]}
            />
          </div>
        </>
      )}
      {adding && (
        <PersonForm
          onClose={() => setAdding(false)}
          onSaved={async (user, password) => {
            setAdding(false)
            await refresh('users')
            if (password) setMade({ user, password })
            else toast(`${user.display} can sign in now`)
          }}
        />
      )}
      {editing && (
        <PersonForm
          user={editing}
          onClose={() => setEditing(null)}
          onSaved={async () => {
            setEditing(null)
            await refresh('users')
          }}
          onPassword={(user, password) => {
            setEditing(null)
            setMade({ user, password })
          }}
        />
      )}
      <Dialog open={!!made} onOpenChange={(o) => !o && setMade(null)} title={made ? `${made.user.display} can sign in` : ''} width={460}>
        {made && (
          <div className={s.stack}>
            <p>This password is shown now and never again. Give it to {made.user.display} in person or by telephone; they can change it under their name, Account.</p>
            <Secret text={made.password} label="Copy the password" />
            <p>
              Login: <b>{made.user.name}</b>
            </p>
            <DialogActions>
              <Button kind="primary" onClick={() => setMade(null)}>
                I have passed it on
              </Button>
            </DialogActions>
          </div>
        )}
      </Dialog>
    </>
  )
}

function PersonForm({ user, onClose, onSaved, onPassword }: { user?: User; onClose: () => void; onSaved: (u: User, password?: string) => Promise<void>; onPassword?: (u: User, password: string) => void }) {
  const [display, setDisplay] = useState(user?.display ?? '')
  const [name, setName] = useState(user?.name ?? '')
  const [named, setNamed] = useState(!!user)
  const [email, setEmail] = useState(user?.email ?? '')
  const [roles, setRoles] = useState<string[]>(user?.roles ?? ['responder'])
  const known = groupsOf(useGroupNames())
  const login = named ? name : loginFrom(display)
  const problems = { display: display.trim() ? '' : 'A name is required.', name: user ? '' : loginProblem(login), email: emailProblem(email.trim()) }
  const conflict = roleConflict(roles)
  return (
    <FormDialog
      title={user ? `Edit ${user.display}` : 'Add a person'}
      submit={user ? 'Save' : 'Add'}
      valid={!problems.display && !problems.name && !problems.email}
      onClose={onClose}
      onSave={async () => {
        if (user) {
          await api.patch(`/users/${user.id}`, { display: display.trim(), email: email.trim(), roles })
          await onSaved(user)
        } else {
          const made = await api.post<{ user: User; password?: string }>('/users', { name: login, display: display.trim(), email: email.trim(), roles })
          await onSaved(made.user, made.password)
        }
      }}
    >
      {(fields, tried) => (
        <>
          <Field label="Name" required error={(tried && problems.display) || fields['display']}>
            <Input value={display} placeholder="Amara Okafor" onChange={(e) => setDisplay(e.target.value)} autoFocus />
          </Field>
          {!user && (
            <Field label="Login" required hint="What they type to sign in" error={((tried || named) && problems.name) || fields['name']}>
              <Input
                value={login}
                onChange={(e) => {
                  setName(e.target.value)
                  setNamed(true)
                }}
              />
            </Field>
          )}
          <Field label="Email" hint="Pages are sent there too" error={(tried && problems.email) || fields['email']}>
            <Input type="email" value={email} onChange={(e) => setEmail(e.target.value)} />
          </Field>
          <fieldset className={s.roles}>
            <legend className="c-2">Roles</legend>
            {ROLES.map((r) => (
              <Checkbox key={r.id} label={r.label} hint={r.can} checked={roles.includes(r.id)} onChange={(e) => setRoles(e.target.checked ? [...roles, r.id] : roles.filter((x) => x !== r.id))} />
            ))}
          </fieldset>
          <Field label="Groups" hint="More groups that policies and approvals speak of, as they are written there" error={Object.entries(fields).find(([k]) => k.startsWith('roles'))?.[1]}>
            <GroupInput value={groupsOf(roles)} onChange={(groups) => setRoles([...roles.filter((r) => !groupsOf([r]).length), ...groups])} known={known} />
          </Field>
          {conflict && <Notice tone="amber">{conflict}</Notice>}
          {user && onPassword && (
            <div className={s.actions}>
              <ConfirmButton
                size="s"
                title={`A new password for ${user.display}?`}
                description="The old one stops working, and all sessions and tokens end. The new one is shown once."
                confirm="Make a new password"
                onConfirm={async () => onPassword(user, (await api.post<{ password: string }>(`/users/${user.id}/password`)).password)}
              >
                New password
              </ConfirmButton>
              <Button
                size="s"
                onClick={() =>
                  void api
                    .post(`/users/${user.id}/unlock`)
                    .then(() => toast(`${user.display} can try again`))
                    .catch((e) => toastError('The account was not unlocked', e))
                }
              >
                Unlock after wrong passwords
              </Button>
            </div>
          )}
          {!user && <p className="c-3">A password is made when you add them, and shown once.</p>}
        </>
      )}
    </FormDialog>
  )
}
