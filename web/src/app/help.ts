// Which page of the guide speaks of the screen that is open.
const PAGES: [string, string, string][] = [
  ['/admin/services', 'on-call', 'On call'],
  ['/admin/alert-sources', 'alertmanager', 'Connecting Alertmanager'],
  ['/admin/alert-rules', 'alertmanager#rules', 'Routing rules'],
  ['/admin/projects', 'jobs-and-approvals', 'Jobs, nodes and approvals'],
  ['/admin/access', 'access-policy', 'Access policy'],
  ['/admin/keys', 'security#secrets', 'How secrets are kept'],
  ['/admin', 'people-and-roles', 'People and roles'],
  ['/floors', 'map#editing-a-floor', 'Editing a floor'],
  ['/rooms', 'commands', 'Typed commands'],
  ['/incidents', 'first-incident', 'Your first incident'],
  ['/alerts', 'alertmanager', 'Connecting Alertmanager'],
  ['/inbox', 'jobs-and-approvals#approvals', 'Approvals'],
  ['/runs', 'jobs-and-approvals#run', 'Running jobs'],
  ['/jobs', 'jobs-and-approvals#jobs', 'Jobs'],
  ['/adhoc', 'jobs-and-approvals#run', 'Running commands'],
  ['/ledger', 'ledger', 'The ledger'],
  ['/account', 'security#sign-in', 'Sign-in and sessions'],
]
export const helpFor = (path: string): { page: string; title: string } => {
  const hit = PAGES.find(([p]) => path === p || path.startsWith(p + '/'))
  return hit ? { page: hit[1], title: hit[2] } : { page: 'first-incident', title: 'Your first incident' }
}
export const helpPages = () => [...PAGES.map((p) => p[1]), 'first-incident']
