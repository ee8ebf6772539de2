"""The map of features: a component that draws 49,152 points in the browser, its columns and colours, and the routes that serve them."""
