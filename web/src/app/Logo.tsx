import s from './Logo.module.css'

export const Logo = ({ size = 20 }: { size?: number }) => (
  <svg viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" className={s.logo}>
    <rect width="20" height="20" rx="5.5" />
    <path d="M5 5.500h5.200v5H5ZM11.600 5.500H15v9h-3.400ZM5 12h5.200v2.500H5Z" />
  </svg>
)
