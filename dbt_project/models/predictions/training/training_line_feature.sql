{{ line_features(ref('prediction_moment'), sampled=true) }}
