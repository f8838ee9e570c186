/** Numbers as people read them in a terminal: durations, counts, percentages. */

/** "45 s", "12 min 05 s", "3 h 07 min", "2 d 04 h"; "?" where the duration is not known. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) {
    return '?';
  }
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  }
  if (whole < 86_400) {
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  }
  return `${Math.floor(whole / 86_400)} d ${two(Math.floor((whole % 86_400) / 3600))} h`;
}

/** Three digits that count and a unit: "950", "12.3k", "1.23M", "4.50G". */
export function formatCount(value: number): string {
  let scaled = Math.abs(value);
  let unit = '';
  for (const next of ['k', 'M', 'G', 'T']) {
    // 999.5 would be shown as 1000.
    if (scaled < 999.5) {
      break;
    }
    scaled /= 1000;
    unit = next;
  }
  const decimals = unit === '' && Number.isInteger(value) ? 0 : scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${value < 0 ? '-' : ''}${scaled.toFixed(decimals)}${unit}`;
}

/** A share in [0, 1] as "93.10 %". */
export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
