"""The frozen LLM: loading it, warm-starting one offline, splicing soft prompts into it."""
