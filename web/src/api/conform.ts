// Holds the shapes the screens use against those generated from the server's
// description: when the two part, the build fails here and nowhere else.
import type { components } from './schema'
import type * as t from './types'

type S = components['schemas']
/** What the server sends is what the screens read. */
type Reads<Server extends Screen, Screen> = Server

export type Conform = [
  Reads<S['User'], t.User>,
  Reads<S['Me'], t.Me>,
  Reads<S['Presence'], t.Presence>,
  Reads<S['SessionView'], t.Session>,
  Reads<S['TokenView'], t.Token>,
  Reads<S['RoomView'], t.Room>,
  Reads<S['Floor'], t.Floor>,
  Reads<S['Get'], t.Get>,
  Reads<S['Knock'], t.Knock>,
  Reads<S['OfficeSnapshot'], t.Office>,
  Reads<S['Call'], t.Call>,
  Reads<S['CallTicket'], t.CallTicket>,
  Reads<S['Author'], t.Author>,
  Reads<S['Message'], t.Message>,
  Reads<S['Page'], t.MessagePage>,
  Reads<S['Version'], t.MessageVersion>,
  Reads<S['Posted'], t.Posted>,
  Reads<S['Completion'], t.Completion>,
  Reads<S['Notification'], t.Notification>,
  Reads<S['Service'], t.Service>,
  Reads<S['Rotation'], t.Rotation>,
  Reads<S['OnCall'], t.OnCall>,
  Reads<S['Source'], t.AlertSource>,
  Reads<S['RoutingRule'], t.AlertRule>,
  Reads<S['Alert'], t.Alert>,
  Reads<S['Paging'], t.Page>,
  Reads<S['Incident'], t.Incident>,
  Reads<S['Entry'], t.TimelineEntry>,
  Reads<S['Followup'], t.Followup>,
  Reads<S['Metric'], t.Metric>,
  Reads<S['Project'], t.Project>,
  Reads<S['JobSummary'], t.JobSummary>,
  Reads<S['Job'], t.Job>,
  Reads<S['Node'], t.Node>,
  Reads<S['ImportItem'], t.ImportResult>,
  Reads<S['Decision'], t.Decision>,
  Reads<S['RunPreview'], t.Preview>,
  Reads<S['RunSummary'], t.RunSummary>,
  Reads<S['Run'], t.Run>,
  Reads<S['Approval'], t.Approval>,
  Reads<S['LogLine'], t.LogLine>,
  Reads<S['LogPage'], t.LogPage>,
  Reads<S['Waits'], t.PendingApproval>,
  Reads<S['KeyView'], t.KeyEntry>,
  Reads<S['Record'], t.LedgerRecord>,
  Reads<S['Problem'], t.Problem>,
]
