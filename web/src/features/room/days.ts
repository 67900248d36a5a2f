/** Days one goes back to; the beginning is a day before which nothing can have been said. */
export function daysBack(now: Date): { label: string; at: Date }[] {
  const back = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - days)
  return [
    { label: 'Today', at: back(0) },
    { label: 'Yesterday', at: back(1) },
    { label: 'A week ago', at: back(7) },
    { label: 'A month ago', at: back(30) },
    { label: 'The beginning', at: new Date(2000, 0, 1) },
  ]
}
