import { useMemo } from 'react';
import type { BusinessHours, OpeningHours, Weekday } from '../app/api';
import { Checkbox, IconButton, Select } from '../ui';
import styles from './BusinessHoursFields.module.css';
import { timeZones, toggleDay, WEEKDAYS, withDay } from './business-hours';

export interface BusinessHoursFieldsProps {
  hours: BusinessHours;
  onChange: (hours: BusinessHours) => void;
}

export function BusinessHoursFields({ hours, onChange }: BusinessHoursFieldsProps) {
  const zones = useMemo(
    () => timeZones(hours.timeZone).map((zone) => ({ id: zone, label: zone.replaceAll('_', ' ') })),
    [hours.timeZone],
  );
  return (
    <>
      <Select
        label="Time zone"
        options={zones}
        selectedKey={hours.timeZone}
        onSelectionChange={(key) => onChange({ ...hours, timeZone: String(key) })}
      />
      <ul className={styles.days}>
        {WEEKDAYS.map((day) => (
          <li key={day} className={styles.day}>
            <div className={styles.name}>
              <Checkbox
                isSelected={Boolean(hours.days[day]?.length)}
                onChange={() => onChange(toggleDay(hours, day))}
              >
                {dayName(day)}
              </Checkbox>
            </div>
            <DayFields
              day={day}
              ranges={hours.days[day] ?? []}
              onChange={(ranges) => onChange(withDay(hours, day, ranges))}
            />
          </li>
        ))}
      </ul>
    </>
  );
}

function dayName(day: Weekday): string {
  return day.charAt(0).toUpperCase() + day.slice(1);
}

interface DayFieldsProps {
  day: Weekday;
  ranges: OpeningHours[];
  onChange: (ranges: OpeningHours[]) => void;
}

function DayFields({ day, ranges, onChange }: DayFieldsProps) {
  if (ranges.length === 0) return <span className={styles.closed}>Closed</span>;
  const replace = (index: number, part: Partial<OpeningHours>) =>
    onChange(ranges.map((range, at) => (at === index ? { ...range, ...part } : range)));
  return (
    <div className={styles.hours}>
      {ranges.map((range, index) => (
        <div key={index} className={styles.range}>
          <TimeInput
            label={`${dayName(day)}, from`}
            value={range.from}
            onChange={(from) => replace(index, { from })}
          />
          –
          <TimeInput
            label={`${dayName(day)}, to`}
            value={range.to}
            onChange={(to) => replace(index, { to })}
          />
          {index > 0 ? (
            <IconButton
              icon="close"
              label={`Remove the ${index + 1}. hours of ${dayName(day)}`}
              size="small"
              onPress={() => onChange(ranges.filter((_, at) => at !== index))}
            />
          ) : (
            <IconButton
              icon="plus"
              label={`Add hours to ${dayName(day)}`}
              size="small"
              onPress={() => onChange([...ranges, { from: '18:00', to: '20:00' }])}
            />
          )}
        </div>
      ))}
    </div>
  );
}

interface TimeInputProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

function TimeInput({ label, value, onChange }: TimeInputProps) {
  return (
    <input
      type="time"
      className={styles.time}
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
