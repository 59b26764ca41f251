{{ with_own_rows('latency_classes', key='latency_class') }}
