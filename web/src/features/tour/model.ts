// The walk through the app, and the list of what an office needs. What is said depends on what one
// may do; what is done is read from the office itself.

export type Step = {
  id: string
  title: string
  text: string
  /** Where it plays; empty: wherever one is. */
  to: string
  /** What it points at, as a selector. Without one it stands below the screen. */
  target?: string
  guide: string
}
export type Who = { abilities: Record<string, boolean>; roles: string[] }

/** The walk. `room` is a room to show, when there is one. */
export function steps(who: Who, room: { id: string; name: string } | null): Step[] {
  const may = (a: string) => !!who.abilities[a]
  const writes = may('declare')
  return [
    {
      id: 'map',
      title: 'The floor map',
      text: room
        ? 'Every room of your office, and who sits where. Click a room to see what goes on in it; Enter sits you down there. An open incident has a room of its own.'
        : 'Rooms stand here once they are made, with the people who are in them. An incident brings a room of its own.',
      to: '/',
      guide: 'first-incident#look-around',
    },
    {
      id: 'room',
      title: room ? `A room: ${room.name}` : 'Rooms',
      text: 'Here people talk, and here alerts, runs and incidents show up as cards. “Bring in” asks somebody over; they accept or decline. Nobody is moved against their will.',
      to: room ? '/rooms/' + room.id : '',
      target: room ? 'main h1' : undefined,
      guide: 'first-incident#look-around',
    },
    {
      id: 'composer',
      title: writes ? 'Write, or command' : 'Reading along',
      text: writes
        ? 'What you write goes to the room. A line that begins with / is a command: try /help, /status or /incident. Names and values complete themselves with Tab.'
        : 'Your role reads everything here and changes nothing. Commands such as /help and /status still answer you, where you may write.',
      to: room ? '/rooms/' + room.id : '',
      target: room ? 'main textarea' : undefined,
      guide: 'commands',
    },
    {
      id: 'palette',
      title: 'Ctrl+K goes anywhere',
      text: 'Type a few letters of a room, a person, a ticket, a job or a page of the guide, and press Enter. Ctrl+Enter does the second thing, such as entering the room.',
      to: '',
      target: 'header [aria-keyshortcuts]',
      guide: 'first-incident#look-around',
    },
    {
      id: 'job',
      title: may('run') ? 'Run a job' : 'Jobs',
      text: may('run')
        ? 'A job has a form for its values and shows which machines it would reach before anything starts. Outside production it starts at once; in production somebody else agrees first.'
        : 'These are the jobs you may see. Running one takes a rule that allows it; a refusal names the rule, and who could say yes.',
      to: '/jobs',
      guide: 'jobs-and-approvals#run',
    },
    {
      id: 'approvals',
      title: 'Approvals',
      text: may('approve')
        ? 'What waits for your yes stands here and above the composer of its room. You see the exact job, values and machines, and that is what runs. Your own requests are for others to decide.'
        : 'Pages, mentions and what became of your requests stand here. Whoever may approve finds the request in their inbox; nobody approves their own.',
      to: '/inbox',
      guide: 'jobs-and-approvals#approvals',
    },
    may('read_ledger')
      ? {
          id: 'ledger',
          title: 'The ledger',
          text: 'Everything that changed something, sealed as it happened: who, what, when, and what was refused. You can take a checkpoint away and verify it offline.',
          to: '/ledger',
          guide: 'ledger',
        }
      : {
          id: 'ledger',
          title: 'The record writes itself',
          text: 'Each incident has a timeline: alerts, pages, runs with their approvers, stages and notes. All of it is sealed in the ledger, which auditors read and verify.',
          to: '/incidents',
          guide: 'ledger',
        },
    {
      id: 'guide',
      title: 'The guide is always here',
      text: 'Press ? for help on the screen you are on. Begin with “Your first incident”: it takes a quarter of an hour. This walk can be taken again from there.',
      to: '',
      target: 'nav[aria-label="Workspace"] a[href="/guide"]',
      guide: 'first-incident',
    },
  ]
}

// -- what an office needs

export type Facts = { people: number; rooms: number; sources: number; covered: number; caught: boolean; nodes: number; jobs: number; runs: number }
export type Item = { id: string; title: string; about: string; to: string; guide: string; done: boolean }

export function checklist(f: Facts, who: Who): Item[] {
  const all: (Item & { needs: string })[] = [
    { id: 'room', needs: 'manage_rooms', title: 'Make a room', about: 'A team’s room, where alerts and people meet', to: '/admin/rooms', guide: 'people-and-roles#rooms', done: f.rooms > 0 },
    { id: 'people', needs: 'manage_users', title: 'Add people', about: 'At least two: nobody approves their own request', to: '/admin/people', guide: 'people-and-roles#adding-people', done: f.people > 1 },
    { id: 'service', needs: 'manage_services', title: 'Add a service with a rotation', about: 'What runs, and who is called for it', to: '/admin/services', guide: 'on-call#services-and-rotations', done: f.covered > 0 },
    { id: 'catch-all', needs: 'manage_services', title: 'Say who is paged where nobody else is', about: 'A rotation as the catch-all, with people in it', to: '/admin/services', guide: 'on-call#the-catch-all', done: f.caught },
    { id: 'source', needs: 'manage_alert_sources', title: 'Connect an alert source', about: 'An address for Alertmanager to post to', to: '/admin/alert-sources', guide: 'alertmanager#connect-it', done: f.sources > 0 },
    { id: 'node', needs: 'manage_projects', title: 'Make a project with a node', about: 'The machines that jobs run on', to: '/admin/projects', guide: 'jobs-and-approvals#nodes', done: f.nodes > 0 },
    { id: 'job', needs: 'manage_projects', title: 'Import a job', about: 'Rundeck’s job files work as they are', to: '/admin/projects', guide: 'jobs-and-approvals#jobs', done: f.jobs > 0 },
    { id: 'run', needs: 'manage_projects', title: 'See the first run', about: 'By somebody whose role may run it', to: '/jobs', guide: 'jobs-and-approvals#run', done: f.runs > 0 },
  ]
  return all.filter((i) => who.abilities[i.needs]).map(({ needs: _, ...item }) => item)
}
