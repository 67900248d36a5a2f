import type { ReactNode } from 'react'
import s from './AuthFrame.module.css'

/** The frame of the screens before the sign-in. */
export const AuthFrame = ({ title, lead, children, foot }: { title: string; lead?: ReactNode; children: ReactNode; foot?: ReactNode }) => (
  <main className={s.frame}>
    <div className={s.plan} aria-hidden="true">
      <svg viewBox="0 0 720 480" preserveAspectRatio="xMidYMid meet">
        <g className={s.walls}>
          <rect x="20" y="20" width="250" height="190" rx="6" />
          <rect x="284" y="20" width="220" height="190" rx="6" className={s.war} />
          <rect x="518" y="20" width="182" height="190" rx="6" />
          <rect x="20" y="240" width="160" height="130" rx="6" />
          <rect x="194" y="240" width="160" height="130" rx="6" />
          <rect x="368" y="240" width="160" height="130" rx="6" />
          <rect x="542" y="240" width="158" height="220" rx="6" />
          <rect x="20" y="384" width="508" height="76" rx="6" />
        </g>
        <ellipse cx="394" cy="118" rx="62" ry="36" className={s.table} />
        {[
          [394, 68, 28], [450, 92, 205], [452, 146, 150], [394, 170, 265], [336, 146, 90], [336, 92, 330], [70, 90, 55], [122, 90, 300],
          [174, 142, 20], [60, 300, 230], [112, 300, 0], [240, 300, 180], [420, 310, 120], [600, 320, 40], [622, 392, 310], [120, 422, 250], [300, 422, 75],
        ].map(([x, y, hue], i) => (
          <circle key={i} cx={x} cy={y} r="13" style={{ fill: `oklch(0.8 0.08 ${hue})` }} />
        ))}
      </svg>
    </div>
    <section className={s.panel}>
      <div className={s.box}>
        <svg viewBox="0 0 20 20" width="36" height="36" aria-hidden="true" className={s.logo}>
          <rect width="20" height="20" rx="5.5" />
          <path d="M5 5.500h5.200v5H5ZM11.600 5.500H15v9h-3.400ZM5 12h5.200v2.500H5Z" />
        </svg>
        <h1>{title}</h1>
        {lead && <p className={s.lead}>{lead}</p>}
        {children}
        {foot && <div className={s.foot}>{foot}</div>}
      </div>
    </section>
  </main>
)
