import { describe, expect, it } from 'vitest'
import type { Message, Run } from '@/api'
import { message } from '@/realtime/fixtures'
import { heard, plain, spoken } from './announce'

const run = (over: object): Run => ({ id: 'r3', number: 3, title: 'payments/restart-service', environment: 'production', state: 'waiting', progress: { done: 0, total: 3, failed: 0 }, nodes: [], ...over }) as unknown as Run
const card = (seq: number, over: object, by: string) => message(seq, { kind: 'card', text: '', author: { ...message(seq).author, id: by, display: by }, card: { type: 'run', ref: 'r3', data: run(over) } })
const say = (seq: number, text: string, over: Partial<Message> = {}) => message(seq, { text, author: { ...message(seq).author, id: 'jonas', display: 'Jonas' }, ...over })

describe('what is read out in a room', () => {
  it('history is silent, what comes is heard once, and my own not', () => {
    const first = heard(null, [say(1, 'old')], 'me')
    expect(first).toMatchObject({ talk: [], outcomes: [], now: { seq: 1 } })
    const mine = say(3, 'mine', { author: { ...message(3).author, id: 'me' } })
    const reply = say(4, 'an answer', { thread: 'm1' })
    const next = heard(first.now, [say(1, 'old', { replies: [reply] }), say(2, '**new** `code`'), mine], 'me')
    expect(next.talk).toEqual(['Jonas: new code', 'Jonas: an answer'])
    expect(heard(next.now, [say(1, 'old', { replies: [reply] }), say(2, 'x'), mine], 'me').talk).toEqual([])
  })

  it('a run is asked for in words, and its end is told to whoever is there', () => {
    const start = heard(null, [say(1, 'x')], 'me').now
    const asked = heard(start, [say(1, 'x'), card(2, {}, 'jonas')], 'me')
    expect(asked.talk).toEqual(['jonas asked to run payments/restart-service, production, 3 nodes'])
    const told = (over: object, from = asked.now, me = 'jonas') => heard(from, [say(1, 'x'), card(2, over, 'jonas')], me)
    const running = told({ state: 'running' })
    expect(running.outcomes).toMatchObject([{ text: 'Run 3 was approved and starts', urgent: false }])
    expect(told({ state: 'running' }, running.now).outcomes).toEqual([])
    const failed = { state: 'failed', progress: { done: 3, total: 3, failed: 1 }, nodes: [{ name: 'db-dev-1', state: 'failed', exit: 1 }, { name: 'db-dev-2', state: 'succeeded', exit: 0 }] }
    expect(told(failed, running.now).outcomes).toEqual([{ text: 'Run 3 failed on 1 of 3 nodes: db-dev-1, exit code 1', urgent: true, key: 'run r3' }])
    expect(told({ state: 'succeeded', progress: { done: 3, total: 3, failed: 0 } }, running.now).outcomes[0]?.text).toBe('Run 3 succeeded on 3 nodes')
    expect(told({ state: 'stopped' }, running.now).outcomes[0]).toMatchObject({ text: 'Run 3 was stopped', urgent: true })
  })

  it('a card that is only loaded now says nothing of its past', () => {
    const start = heard(null, [say(5, 'x')], 'me').now
    expect(heard(start, [card(2, { state: 'failed' }, 'jonas'), say(5, 'x')], 'me')).toMatchObject({ talk: [], outcomes: [] })
  })

  it('what is loaded on the way to the end is no news', () => {
    const start = heard(null, [say(1, 'x')], 'me', 500).now
    expect(heard(start, [say(1, 'x'), say(2, 'y'), say(499, 'z')], 'me', 500).talk).toEqual([])
    expect(heard(start, [say(1, 'x'), say(501, 'new')], 'me', 501).talk).toEqual(['Jonas: new'])
  })

  it('signs of Markdown are not spoken', () => {
    expect(plain('# Look\n> **drain** _stuck_, see [the page](https://x.example/a_b_c) at `db_1`\n- a\n- b')).toBe('Look drain stuck, see the page at db_1 a b')
    expect(plain('before\n```sh\nls\nrm\n```\nafter')).toBe('before code, 2 lines after')
    expect(plain('snake_case_name and 2 * 3 * 4')).toBe('snake_case_name and 2 * 3 * 4')
  })

  it('a burst is a number', () => {
    expect(spoken(['a: x', 'b: y'])).toBe('a: x. b: y')
    expect(spoken(Array(8).fill('a: x'))).toBe('8 new messages')
  })
})
